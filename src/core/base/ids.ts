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
export type Millis = Branded2<"millis">;
type Branded2<B extends string> = number & { readonly [brand]: B };

const ID = /^[a-z][a-z0-9]{0,15}_[0-9a-z]{6,40}$/;
const PRINCIPAL = /^(human|agent|workload):[a-z0-9][a-z0-9._-]{0,63}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export const isId = (text: string): boolean => ID.test(text);
export const isPrincipalId = (text: string): text is PrincipalId => PRINCIPAL.test(text);
export const isDigest = (text: string): text is Digest => DIGEST.test(text);
export const millis = (n: number): Millis => n as Millis;
