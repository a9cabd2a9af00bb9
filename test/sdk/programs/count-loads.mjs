// Loaded into every thread that inherits the process's --import: appends a line for each.
import { appendFileSync } from 'node:fs';

appendFileSync(process.env.LOADS_FILE, 'loaded\n');
