import { PATTERNS } from "../base/index.ts";
import type { CaseExpectation, Definition, RuleDefinition, SeatDefinition, SurfaceDefinition, Who } from "./definition.ts";
import { CHANNELS } from "./definition.ts";
import type { Patterns } from "./cel/pattern.ts";
import type { At, Reading } from "../yaml/index.ts";
import { OUTCOMES } from "./types.ts";
import type { Strength } from "./types.ts";

const NAME = new RegExp(PATTERNS.name);
const TEXT = 500;
export const MOST = { surfaces: 200, patterns: 200, rules: 2000, seats: 20, who: 50, holds: 20, words: 200, cases: 2000 };
const EACH = ["each step"] as const;
const STRENGTHS: readonly Strength[] = ["session", "passkey"];

export const readSurface =
  (read: Reading, made: Patterns) =>
  (at: At): SurfaceDefinition | undefined => {
    const entries = read.map(at, ["name"], ["paths", "resources", "tags"]);
    if (!entries) return undefined;
    const name = read.text(entries.get("name"), 64, NAME);
    const patterns = (key: string): readonly string[] | undefined =>
      optionalList(read, entries.get(key), MOST.patterns, (item) => pattern(read, made, item));
    const paths = patterns("paths");
    const resources = patterns("resources");
    const tags = optionalList(read, entries.get("tags"), MOST.patterns, (item) => read.text(item, 64));
    if (name === undefined || !paths || !resources || !tags) return undefined;
    return { name, paths, resources, tags };
  };

/** `[]` for what is not there. */
function optionalList<T>(read: Reading, at: At | undefined, most: number, item: (at: At) => T | undefined): readonly T[] | undefined {
  return at ? read.list(at, most, item) : [];
}

function pattern(read: Reading, patterns: Patterns, at: At): string | undefined {
  const text = read.text(at, 512);
  if (text === undefined) return undefined;
  const made = patterns.made("glob", text);
  return typeof made === "string" ? read.fault(at, made) : text;
}

export const readRule =
  (read: Reading) =>
  (at: At): RuleDefinition | undefined => {
    const entries = read.map(at, ["id", "outcome", "when", "reason"], ["for", "seats", "instruction", "holds"]);
    if (!entries) return undefined;
    const id = read.text(entries.get("id"), 64, NAME);
    const outcome = read.oneOf(entries.get("outcome"), OUTCOMES);
    const each = entries.has("for") ? read.oneOf(entries.get("for"), EACH) : undefined;
    const when = read.text(entries.get("when"), 4096);
    const reason = read.text(entries.get("reason"), TEXT);
    const seats = optionalList(read, entries.get("seats"), MOST.seats, readSeat(read));
    const instruction = readInstruction(read, entries.get("instruction"));
    const holds = optionalList(read, entries.get("holds"), MOST.holds, (item) => read.text(item, 64, NAME));
    if (outcome) belongs(read, at, outcome, entries);
    if (id === undefined || !outcome || when === undefined || reason === undefined || !seats || !holds) return undefined;
    return {
      id,
      outcome,
      ...(each === undefined ? {} : { each: "step" as const }),
      when,
      reason,
      seats,
      holds,
      ...(instruction ? { instruction } : {}),
    };
  };

/** Each outcome has the keys that mean something for it, and only those. */
function belongs(read: Reading, at: At, outcome: RuleDefinition["outcome"], entries: ReadonlyMap<string, At>): void {
  const seated = outcome === "review" || outcome === "escalate";
  const instructs = outcome === "revise" || outcome === "block";
  const forbid = (key: string, allowed: boolean): void => {
    const found = entries.get(key);
    if (found && !allowed) read.fault(found, `a rule whose outcome is ${outcome} has no ${key}`);
  };
  forbid("seats", seated);
  forbid("instruction", instructs);
  forbid("holds", outcome !== "auto");
  if (outcome === "escalate" && !entries.has("seats")) read.fault(at, `${at.path} lacks seats`, "a rule that escalates says to whom");
  if (outcome === "revise" && !entries.has("instruction"))
    read.fault(at, `${at.path} lacks instruction`, "a rule that sends back says what to mend");
}

function readInstruction(read: Reading, at: At | undefined): RuleDefinition["instruction"] {
  const entries = at && read.map(at, ["code", "message"]);
  const code = read.text(entries?.get("code"), 64, NAME);
  const message = read.text(entries?.get("message"), TEXT);
  return code !== undefined && message !== undefined ? { code, message } : undefined;
}

const readSeat =
  (read: Reading) =>
  (at: At): SeatDefinition | undefined => {
    const entries = read.map(at, ["id", "who"], ["fallback", "count", "strength", "channels"]);
    if (!entries) return undefined;
    const id = read.text(entries.get("id"), 48, NAME);
    const who = nonEmpty(read, entries.get("who"), read.list(entries.get("who"), MOST.who, readWho(read, true)));
    const fallback = optionalList(read, entries.get("fallback"), MOST.who, readWho(read, false));
    const count = entries.has("count") ? read.count(entries.get("count"), 1, 20) : 1;
    const strength = entries.has("strength") ? read.oneOf(entries.get("strength"), STRENGTHS) : "session";
    const given = entries.get("channels");
    const channels = given
      ? nonEmpty(
          read,
          given,
          read.list(given, CHANNELS.length, (item) => read.oneOf(item, CHANNELS)),
        )
      : CHANNELS;
    if (id === undefined || !who || !fallback || count === undefined || !strength || !channels) return undefined;
    return { id, who, fallback, count, strength, channels };
  };

export function nonEmpty<T>(read: Reading, at: At | undefined, list: readonly T[] | undefined): readonly T[] | undefined {
  return at && list?.length === 0 ? read.fault(at, `${at.path} is empty`) : list;
}

/** A fallback names somebody: owners cannot stand in for absent owners. */
export const readWho =
  (read: Reading, owners: boolean) =>
  (at: At): Who | undefined => {
    const keys = ["person", "group", "role", "owner", ...(owners ? ["owners"] : [])];
    const entries = read.map(at, [], keys);
    if (!entries) return undefined;
    const [only] = [...entries].filter(([key]) => keys.includes(key));
    if (!only || entries.size !== 1) return read.fault(at, `${at.path} names exactly one of ${keys.join(", ")}`);
    const [key, value] = only;
    if (key !== "owners") {
      const name = read.text(value, 128);
      return name === undefined ? undefined : ({ [key]: name } as unknown as Who);
    }
    const isTrue = value.node.kind === "scalar" && value.node.value === true;
    return isTrue ? { owners: true } : read.fault(value, `${value.path} must be true`);
  };

export function readDefaults(read: Reading, at: At | undefined): Definition["defaults"] | undefined {
  const entries = at && read.map(at, ["seats"], ["unowned"]);
  if (!entries) return undefined;
  const seats = nonEmpty(read, entries.get("seats"), read.list(entries.get("seats"), MOST.seats, readSeat(read)));
  const unowned = optionalList(read, entries.get("unowned"), MOST.who, readWho(read, false));
  return seats && unowned && { seats, unowned };
}

export function readExpectation(read: Reading, at: At | undefined): CaseExpectation | undefined {
  const entries = at && read.map(at, ["outcome"], ["rules", "seats", "holds", "instructions"]);
  if (!entries) return undefined;
  const outcome = read.oneOf(entries.get("outcome"), OUTCOMES);
  const words = ["rules", "seats", "holds", "instructions"].flatMap((key) => {
    const list = entries.has(key) ? read.list(entries.get(key), MOST.words, (item) => read.text(item, 128)) : undefined;
    return list ? [[key, list] as const] : [];
  });
  return outcome && { outcome, ...Object.fromEntries(words) };
}
