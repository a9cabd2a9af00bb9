export { recordIdFloor, recordIdOf } from '../record-id.ts';
