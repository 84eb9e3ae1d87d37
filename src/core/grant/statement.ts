import { canonical, utf8 } from "../base/index.ts";
import type { Digest } from "../base/index.ts";
import { seal } from "./dsse.ts";
import type { GrantSigner } from "./dsse.ts";
import { EVIDENCE_PREDICATE, GRANT_PREDICATE, UNDO_PREDICATE } from "./types.ts";
import type { Envelope, GrantBody, RunEvidence, UndoGrantBody } from "./types.ts";

interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

interface Statement<T extends string, P> {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly Subject[];
  readonly predicateType: T;
  readonly predicate: P;
}

/** An in-toto statement v1 about what will be executed: the whole, and each step's exact bytes. */
export type GrantStatement = Statement<typeof GRANT_PREDICATE, GrantBody>;

export function grantStatement(body: GrantBody): GrantStatement {
  const steps = body.steps.map((step) => subject(`step/${step.id}`, step.payload));
  return statement(GRANT_PREDICATE, [subject("payload", body.payload), ...steps], body);
}

const undoStatement = (body: UndoGrantBody) => statement(UNDO_PREDICATE, [subject(`step/${body.step.id}`, body.step.payload)], body);

const evidenceStatement = (body: RunEvidence) =>
  statement(EVIDENCE_PREDICATE, [subject(body.step === undefined ? "payload" : `step/${body.step}`, body.payload)], body);

const statement = <T extends string, P>(predicateType: T, about: readonly Subject[], predicate: P): Statement<T, P> => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: about,
  predicateType,
  predicate,
});

const subject = (name: string, digest: Digest): Subject => ({ name, digest: { sha256: digest.slice("sha256:".length) } });

export const statementBytes = (body: GrantBody): Uint8Array => utf8(canonical(grantStatement(body)));
export const undoBytes = (body: UndoGrantBody): Uint8Array => utf8(canonical(undoStatement(body)));
export const evidenceBytes = (body: RunEvidence): Uint8Array => utf8(canonical(evidenceStatement(body)));

export const sealGrant = (body: GrantBody, signer: GrantSigner): Envelope => seal(statementBytes(body), signer);
export const sealUndoGrant = (body: UndoGrantBody, signer: GrantSigner): Envelope => seal(undoBytes(body), signer);
/** By the runner's own key: what it saw and did is its word, and nobody else's. */
export const sealEvidence = (body: RunEvidence, signer: GrantSigner): Envelope => seal(evidenceBytes(body), signer);
