/** The door of core/grant: single-use permission to run, sealed by the control plane and verified offline by runners. */
export { pae } from "./dsse.ts";
export type { GrantSigner } from "./dsse.ts";
export type { GrantCode, GrantRefusal } from "./refusals.ts";
export { grantStatement, sealGrant } from "./statement.ts";
export type { GrantStatement } from "./statement.ts";
export { GRANT_PAYLOAD_TYPE } from "./types.ts";
export type { Envelope, GrantBody, GrantEvidence, GrantTrust } from "./types.ts";
export { auditGrant, verifyGrant } from "./verify.ts";
