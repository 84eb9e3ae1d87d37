/** Branded strings: a change id cannot be passed where a grant id is wanted. Made by the edge's id source, or parsed there. */
declare const brand: unique symbol;
export type Branded<B extends string> = string & { readonly [brand]: B };

export type ChangeId = Branded<"change">;
export type GrantId = Branded<"grant">;
export type RunId = Branded<"run">;
export type RunnerId = Branded<"runner">;
export type PersonId = Branded<"person">;
/** `human:ada`, `agent:deployer`, `workload:ci`: who acts, as the ledger names them. */
export type PrincipalId = Branded<"principal">;
/** `sha256:` and 64 lower-case hex digits. */
export type Digest = Branded<"digest">;
/** `hmac-sha256:` and 64 lower-case hex digits: the digest of a secret under the deployment's key. */
export type KeyedDigest = Branded<"keyed-digest">;
/** Milliseconds since 1970 UTC, always an integer. */
export type Millis = number & { readonly [brand]: "millis" };

const name = "[a-z0-9][a-z0-9._-]{0,63}";
/** What these look like, as sources of regular expressions: checks and published schemas are made of the same text. */
export const PATTERNS = {
  id: "^[a-z][a-z0-9]{0,15}_[0-9a-z]{6,40}$",
  /** Of a person, group, role, rule, repository: what may stand in an id or a path without quotes. */
  name: `^${name}$`,
  principal: `^(human|agent|workload):${name}$`,
  machine: `^(agent|workload):${name}$`,
  digest: "^sha256:[0-9a-f]{64}$",
  keyedDigest: "^hmac-sha256:[0-9a-f]{64}$",
} as const;

const [ID, PRINCIPAL, DIGEST] = [new RegExp(PATTERNS.id), new RegExp(PATTERNS.principal), new RegExp(PATTERNS.digest)];
export const isId = (text: string): boolean => ID.test(text);
export const isPrincipalId = (text: string): text is PrincipalId => PRINCIPAL.test(text);
export const isDigest = (text: string): text is Digest => DIGEST.test(text);
export const millis = (n: number): Millis => n as Millis;
