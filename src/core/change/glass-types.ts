import type { Digest, GrantId, Millis, PersonId } from "../base/index.ts";
import type { Selector } from "../policy/index.ts";

/** An emergency decision, and the look at it that is owed. */
export interface Glass {
  /** The grant that it gave. */
  readonly grant: GrantId;
  /** Of the emergency route. */
  readonly name: string;
  readonly by: PersonId;
  readonly at: Millis;
  /** Digest of the salted reason in the payload store. */
  readonly reason: Digest;
  readonly channel: string;
  /** Who may review it; never who broke it. */
  readonly second: readonly Selector[];
  readonly dueAt: Millis;
  readonly review?: { readonly by: PersonId; readonly at: Millis; readonly verdict: GlassVerdict; readonly comment: Digest };
}

export type GlassVerdict = "approve" | "object";
