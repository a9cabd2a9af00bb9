/** It can not be done, or a check failed. */
export const EXIT_ERROR = 1;
/** The command line makes no sense. */
export const EXIT_USAGE = 2;
