/** The door of a runner elsewhere, for whoever wires it together. */
export { inChildren } from "./child.ts";
export { exchange } from "./client.ts";
export { isEnrolled, keepIdentity, openIdentity, readEnrolment, readTrust, sameTrust } from "./identity.ts";
export type { Trust } from "./identity.ts";
export { openNonces } from "./nonces.ts";
export { startService } from "./service.ts";
