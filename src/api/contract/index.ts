/** The door of the API's contract: what a client may rely on, and nothing of how it is kept. */
export * from "./parts.ts";
export * from "./problem.ts";
export * from "./routes.ts";
export * from "./table.ts";
export { MOST_WAIT_SECONDS, noQuery } from "./requests.ts";
export { STATUSES } from "./views.ts";
