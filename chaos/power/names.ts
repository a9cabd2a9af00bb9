/** What the store of a traced writer calls itself: the spool is named after it. */
export const STORE_NAME = 'noted';
/** The file in which it notes what it takes. */
export const NOTES = 'notes';
/** What the spool is in: nothing of it is there before. */
export const DIRECTORY = 'made/by/the/first';
