/** What one append may cost. The API bounds what comes from outside more tightly; these keep a bug from harming everybody else. */

export const MAX_STATE_BYTES = 8 * 1024 * 1024;
export const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
/** Entries, claims, outbox items and payloads of one request, together. */
export const MAX_REQUEST_PARTS = 5_000;

/** Requests that share one commit. */
export const MAX_BATCH_REQUESTS = 512;
/** A batch closes with the request that reaches this many bytes of entries, states and payloads. */
export const MAX_BATCH_BYTES = 32 * 1024 * 1024;
/** A larger request keeps a disk and a processor busy for more than a moment: it is never written on the event loop. */
export const MAX_ALONE_BYTES = 64 * 1024;
/** Appends waiting for their turn; more are refused rather than remembered. */
export const MAX_QUEUED = 20_000;
/** Attempts of one batch on a database that other processes write to as well; one loses most rarely more than a few in a row. */
export const MAX_ATTEMPTS = 100;

/** Rows of any list, history or entries call. */
export const MAX_PAGE = 1_000;
/** Printable ASCII without the two characters that JSON escapes, so that the name's JSON is the name in quotes. */
export const STREAM_NAME = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;
/** Claim kinds and keys, outbox keys and kinds, statuses and media types. */
export const MAX_NAME_LENGTH = 500;
