/** A token bucket: how fast it fills, and how much it holds. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  /** How people reach this server when something stands before it: `https://pawl.example.com`. */
  readonly publicOrigin?: string;
  /** Further Host headers to answer to, as `name:port`. */
  readonly hosts?: readonly string[];
  readonly version: string;
  readonly bodyLimitBytes: number;
  readonly rate: { readonly credential: Rate; readonly reserved: Rate; readonly address: Rate };
  readonly maxConnections: number;
  /** Streams and waiting requests that may be open at once, in all and for one credential. */
  readonly open: { readonly total: number; readonly perCredential: number };
  /** Unread bytes after which a stream's reader counts as too slow. */
  readonly streamBufferBytes: number;
  readonly heartbeatMillis: number;
  /** How long a proposal is held to be answered with its decision, when its caller names no time. */
  readonly decideWithinMillis: number;
  readonly headersTimeoutMillis: number;
  readonly requestTimeoutMillis: number;
  /** A connection on which nothing moves is closed; longer than the longest wait. */
  readonly idleTimeoutMillis: number;
}

export const API_DEFAULTS: ApiSettings = {
  host: "127.0.0.1",
  port: 7295,
  version: "0.1.0",
  bodyLimitBytes: 4 * 1024 * 1024,
  rate: { credential: { perSecond: 20, burst: 200 }, reserved: { perSecond: 5, burst: 50 }, address: { perSecond: 50, burst: 500 } },
  maxConnections: 2048,
  open: { total: 1024, perCredential: 32 },
  streamBufferBytes: 64 * 1024,
  heartbeatMillis: 15_000,
  decideWithinMillis: 200,
  headersTimeoutMillis: 10_000,
  requestTimeoutMillis: 30_000,
  idleTimeoutMillis: 120_000,
};

/** What the API tells whoever reads the server's log; never a header, a body or a query. */
export interface ApiLogger {
  info(fields: Readonly<Record<string, unknown>>, text: string): void;
  error(fields: Readonly<Record<string, unknown>>, text: string): void;
}
