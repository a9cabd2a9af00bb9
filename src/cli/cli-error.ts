/** Something the user can put right. Its message says what is wrong and how; the command ends with exit code 1. */
export class CliError extends Error {
  override readonly name = 'CliError';
}
