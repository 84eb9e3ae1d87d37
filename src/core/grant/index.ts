/** The door of core/grant: single-use permission to run, sealed by the control plane and verified offline by runners. */
export { pae } from "./dsse.ts";
export type { GrantSigner } from "./dsse.ts";
export type { GrantCode, GrantRefusal } from "./refusals.ts";
export { attested, factsOf, verifyEvidence } from "./evidence.ts";
export { grantStatement, sealEvidence, sealGrant, sealUndoGrant } from "./statement.ts";
export type { GrantStatement } from "./statement.ts";
export { GRANT_PAYLOAD_TYPE } from "./types.ts";
export type { Envelope, GrantBody, GrantEvidence, GrantTrust, RunEvidence, UndoGrantBody } from "./types.ts";
export { verifyUndoGrant } from "./undo.ts";
export type { Undoable } from "./undo.ts";
export { auditGrant, verifyGrant } from "./verify.ts";
