import type { Millis } from "../core/base/index.ts";
import { isEmergency, type ChangeState } from "../core/change/index.ts";
import { frozenAt, type Bundle } from "../core/policy/index.ts";
import { rulesInForce } from "./config.ts";
import type { Deps } from "./deps.ts";

/** Something that keeps a change from starting and goes by itself, in words, and until when where that is known. */
export interface Held {
  readonly text: string;
  readonly until?: Millis;
}

type Reviewed = Extract<ChangeState, { readonly freezes?: unknown; readonly status: "awaiting" | "authorised" }>;

/** What holds a change by the clock now: its own schedule, and the freezes that are in force. */
export async function heldBy(deps: Deps, state: Reviewed): Promise<readonly Held[]> {
  const now = deps.clock.now();
  const { notBefore, freezes = [] } = state;
  const scheduled =
    notBefore !== undefined && now < notBefore ? [{ text: `its schedule until ${minuteOf(notBefore)}`, until: notBefore }] : [];
  if (freezes.length === 0 || isEmergency(state)) return scheduled;
  return [...scheduled, ...frozenAt((await rulesInForce(deps)).bundle, freezes, now)];
}

const minuteOf = (at: Millis): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** The freezes that keep a change from starting: those in force now, and those that another clock of ours may have in force already. */
export function frozenFor({ clock, limits }: Deps, bundle: Bundle, state: ChangeState): readonly string[] {
  const freezes = "freezes" in state ? (state.freezes ?? []) : [];
  if (freezes.length === 0) return [];
  const [now, skew] = [clock.now(), limits.clockSkewMillis];
  const found = new Map<string, string>();
  // No window is shorter than a minute, so that none falls between two of these looks.
  for (let ahead = 0; ; ahead = Math.min(ahead + MINUTE, skew)) {
    const left = freezes.filter((name) => !found.has(name));
    for (const { name, text } of frozenAt(bundle, left, now + ahead)) found.set(name, text);
    if (ahead >= skew) return [...found.values()];
  }
}
const MINUTE = 60_000;

/** When what holds it by the clock lets it go, as far as is known now; nothing where nothing holds it. */
export async function freeAt(deps: Deps, state: Reviewed): Promise<Millis | "unknown" | undefined> {
  const held = await heldBy(deps, state);
  if (held.length === 0) return undefined;
  if (held.some(({ until }) => until === undefined)) return "unknown";
  return Math.max(...held.map(({ until }) => until ?? 0)) as Millis;
}
