import { assert, type Digest, type Millis, type PrincipalId } from "../core/base/index.ts";

export interface TokenState {
  readonly principal: PrincipalId;
  /** Digest of the whole token: the token itself is told once and kept nowhere. */
  readonly hash: Digest;
  /** Of the salted words in the payload store. */
  readonly label?: Digest;
  readonly createdAt: Millis;
  readonly revoked: boolean;
  /** Who had it made, and so could have used it. */
  readonly by: PrincipalId | "first-start";
}

export type TokenEvent = { readonly at: Millis; readonly token: string } & (
  | ({ readonly type: "token_created" } & Pick<TokenState, "principal" | "hash" | "label" | "by">)
  | { readonly type: "token_revoked"; readonly by: PrincipalId }
);

/** A token's state is the fold of its entries: a row that somebody planted in the database has none. */
export function tokenAfter([created, ...later]: readonly TokenEvent[]): TokenState {
  assert(created?.type === "token_created", "a token begins with its making");
  const { principal, hash, label, by, at } = created;
  return {
    principal,
    hash,
    ...(label === undefined ? {} : { label }),
    createdAt: at,
    revoked: later.some(({ type }) => type === "token_revoked"),
    by,
  };
}
