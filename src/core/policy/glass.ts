import { PATTERNS, fail, ok, sortedSet } from "../base/index.ts";
import type { Refusal, Result } from "../base/index.ts";
import type { At, Reading } from "../yaml/index.ts";
import { CHANNELS } from "./definition.ts";
import type { BreakGlassDefinition } from "./definition.ts";
import { selectorsOf } from "./seats.ts";
import { nonEmpty, readWho } from "./shape.ts";
import type { Route, Seat, Selector } from "./types.ts";

const NAME = new RegExp(PATTERNS.name);
const WITHIN = /^([1-9]\d{0,3})(m|h|d)$/;
const UNIT = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const [SOONEST, LATEST] = [15 * UNIT.m, 30 * UNIT.d];
const MOST_WHO = 50;
const GLASS_SEAT = "glass";

/** The emergency route of a policy, ready for use. */
export interface Glass {
  readonly name: string;
  readonly seat: Seat;
  /** Who looks at it afterwards, and within what time. */
  readonly second: { readonly who: readonly Selector[]; readonly withinMillis: number };
}

export function readBreakGlass(read: Reading, at: At | undefined): BreakGlassDefinition | undefined {
  const entries = at && read.map(at, ["name", "who", "second"], ["alone", "strength", "channels"]);
  if (!entries) return undefined;
  const name = read.text(entries.get("name"), 64, NAME);
  const who = readNamed(read, entries.get("who"));
  const alone = entries.has("alone") ? read.oneOf(entries.get("alone"), ["allowed", "refused"] as const) : "refused";
  const strength = entries.has("strength") ? read.oneOf(entries.get("strength"), ["session", "passkey"] as const) : "session";
  const given = entries.get("channels");
  const channels = given
    ? nonEmpty(
        read,
        given,
        read.list(given, CHANNELS.length, (item) => read.oneOf(item, CHANNELS)),
      )
    : CHANNELS;
  const second = readSecond(read, entries.get("second"));
  if (name === undefined || !who || !alone || !strength || !channels || !second) return undefined;
  return { name, who, alone, strength, channels, second };
}

function readSecond(read: Reading, at: At | undefined): BreakGlassDefinition["second"] | undefined {
  const entries = at && read.map(at, ["within", "who"]);
  const place = entries?.get("within");
  const within = read.text(place, 16);
  const who = readNamed(read, entries?.get("who"));
  const millis = within === undefined ? undefined : withinMillis(within);
  if (place && within !== undefined && millis === undefined) {
    read.fault(place, `${place.path} is not between 15 minutes and 30 days`, "such as 90m, 24h or 3d");
  }
  return within === undefined || millis === undefined || !who ? undefined : { within, who };
}

/** Names somebody: an emergency is nobody's by what it touches. */
const readNamed = (read: Reading, at: At | undefined) => nonEmpty(read, at, read.list(at, MOST_WHO, readWho(read, false)));

function withinMillis(text: string): number | undefined {
  const found = WITHIN.exec(text);
  const millis = found === null ? 0 : Number(found[1]) * UNIT[found[2] as keyof typeof UNIT];
  return millis >= SOONEST && millis <= LATEST ? millis : undefined;
}

export function glassOf({ name, who, alone, strength, channels, second }: BreakGlassDefinition): Glass {
  const glass = { name, alone: alone === "allowed" };
  return {
    name,
    seat: { id: GLASS_SEAT, who: selectorsOf(who), count: 1, strength, channels: sortedSet(channels), glass },
    second: { who: selectorsOf(second.who), withinMillis: withinMillis(second.within) ?? SOONEST },
  };
}

/** What no emergency opens: rules that nobody signs, and the rules themselves, by which the emergency is judged. */
const NEVER: readonly string[] = ["builtin:self"];

/** The route by which the glass is broken: one seat in place of all others, nothing that holds, and every reason that stood against it. */
export function glassRoute(glass: Glass, route: Route): Result<Route, Refusal<"glass_forbidden">> {
  const why = (message: string) =>
    fail({ code: "glass_forbidden", message, remedy: "there is no way around it: mend what it names" } as const);
  if (route.outcome === "block" || route.outcome === "revise") return why(`policy says ${route.outcome}, which nobody may sign`);
  const never = route.reasons.find(({ rule }) => NEVER.includes(rule));
  if (never !== undefined) return why(`${never.text} (${never.rule})`);
  const broken = {
    rule: `glass:${glass.name}`,
    outcome: "escalate",
    text: "the glass is broken: one person decides now, and another reviews it afterwards",
  } as const;
  return ok({
    outcome: "escalate",
    seats: [glass.seat],
    reasons: [broken, ...route.reasons.filter(({ outcome }) => outcome !== "auto")],
    instructions: [],
    holds: [],
  });
}
