import type { ChangeState } from "../core/change/index.ts";
import { rulesInForce, type Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { revokedAmong } from "./tokens.ts";

/**
 * The rules of one moment as they bear on one change: a vote given with a token that was revoked since proves nobody, and neither
 * does one that is being given with it (`using`).
 */
export async function rulesFor(deps: Deps, state: ChangeState, ...using: readonly string[]): Promise<Rules> {
  const rules = await rulesInForce(deps);
  const votes = "votes" in state ? state.votes : state.status === "planned" ? (state.previous?.votes ?? []) : [];
  if (votes.length + using.length === 0) return rules;
  const { revoked, guards } = await revokedAmong(deps, [...votes.map(({ identity }) => identity), ...using]);
  return {
    ...rules,
    directory: revoked.length === 0 ? rules.directory : { ...rules.directory, revoked },
    guards: [...rules.guards, ...guards],
  };
}
