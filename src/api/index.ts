/** The door of the HTTP API: `main` gives it a control and gets a server. */
export { createServer } from "./server.ts";
export type { ApiOptions } from "./deps.ts";
export { API_DEFAULTS, type ApiLogger, type ApiSettings, type Rate } from "./settings.ts";
