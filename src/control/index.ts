/** The door of control for whoever wires it together; others import types.ts and ports.ts. */
export { appendAudit } from "./audit.ts";
export { configDesk, declarationsInForce, parseDirectory, seedConfig } from "./config.ts";
export { createControl } from "./control.ts";
export { byDeclarations } from "./declared.ts";
export { dependable } from "./dependable.ts";
export type { Deps, Limits } from "./deps.ts";
export { refold } from "./refold.ts";
export { Exchange } from "./runners-exchange.ts";
export { Connectors, dispatchRun } from "./runners-remote.ts";
export { abandonRunsOf, runDesk } from "./running.ts";
export { issueToken } from "./tokens.ts";
export { watchWrites } from "./trouble.ts";
export { startWorker } from "./worker.ts";
export type { Worker, WorkerSettings } from "./worker.ts";
