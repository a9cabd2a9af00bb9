// The set-up of another vendor, with a copy of import-in-the-middle of its own that wraps every module.
import { register } from 'other-import-in-the-middle/register-hooks.mjs';

register();
