import { canonical, utf8 } from "../base/index.ts";
import type { Digest } from "../base/index.ts";
import { seal } from "./dsse.ts";
import type { GrantSigner } from "./dsse.ts";
import { GRANT_PREDICATE } from "./types.ts";
import type { Envelope, GrantBody } from "./types.ts";

interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** An in-toto statement v1 about what will be executed: the whole, and each step's exact bytes. */
export interface GrantStatement {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly Subject[];
  readonly predicateType: typeof GRANT_PREDICATE;
  readonly predicate: GrantBody;
}

export function grantStatement(body: GrantBody): GrantStatement {
  const steps = body.steps.map((step) => subject(`step/${step.id}`, step.payload));
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [subject("payload", body.payload), ...steps],
    predicateType: GRANT_PREDICATE,
    predicate: body,
  };
}

const subject = (name: string, digest: Digest): Subject => ({ name, digest: { sha256: digest.slice("sha256:".length) } });

export const statementBytes = (body: GrantBody): Uint8Array => utf8(canonical(grantStatement(body)));

export const sealGrant = (body: GrantBody, signer: GrantSigner): Envelope => seal(statementBytes(body), signer);
