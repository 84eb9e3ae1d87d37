/** The door of the API's contract: what a client may rely on, and nothing of how it is kept. */
export { ref, type Wire } from "./parts.ts";
export * from "./problem.ts";
export * from "./routes.ts";
export * from "./table.ts";
export { noQuery } from "./requests.ts";
