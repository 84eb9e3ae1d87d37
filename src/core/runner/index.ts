/** The door of core/runner: what a control plane and a runner elsewhere say to each other, and how each reads the other. */
export { readDeclaration, readNames, serves } from "./declaration.ts";
export type { Declaration } from "./declaration.ts";
export { exactly, listOf, objectOf, textOf, wholeOf } from "./members.ts";
export { isRunnerCredential, readRunnerCredential, requestMessage, runnerCredential } from "./request.ts";
export type { Asked, RequestClaim } from "./request.ts";
export { bytesOf, readAdmitted, readAnalysed, readObserved, readPerformed, readRefusal, readVerified, readWorks, toWire } from "./wire.ts";
export type { Work } from "./wire.ts";
