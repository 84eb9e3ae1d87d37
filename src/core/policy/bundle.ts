import { digestJson, fail, ok, parseInstant } from "../base/index.ts";
import type { Digest, Millis, Result } from "../base/index.ts";
import { Faults, Reading, jsonOf, memberOf, placeInScalar, readYaml } from "../yaml/index.ts";
import type { At } from "../yaml/index.ts";
import { indexOf } from "./candidates.ts";
import type { RuleIndex } from "./candidates.ts";
import { readCaseFacts } from "./cases.ts";
import { Patterns } from "./cel/pattern.ts";
import { PROFILE } from "./cel/profile.ts";
import type { Expression, Profile } from "./cel/profile.ts";
import type { Calendar } from "./calendar.ts";
import type { CaseDefinition, CaseExpectation, Definition, RuleDefinition } from "./definition.ts";
import { timeOf } from "./facts.ts";
import type { Facts } from "./facts.ts";
import { FACTS_PROFILE, FLOOR, STEP_PROFILE, surfaceRule } from "./floor.ts";
import type { FloorRule, Judged } from "./floor.ts";
import { readCalendars, readFreezes } from "./freezing.ts";
import type { Freeze } from "./freezing.ts";
import { glassOf, readBreakGlass } from "./glass.ts";
import type { Glass } from "./glass.ts";
import { MOST, readDefaults, readExpectation, readRule, readSurface } from "./shape.ts";
import { surfaceOf } from "./surfaces.ts";
import type { Surface } from "./surfaces.ts";
import type { BundleFault } from "./types.ts";

const BUNDLE_SCHEMA = "policy/v1";

export interface Rule extends RuleDefinition, Judged {}

export interface Case {
  readonly name: string;
  readonly facts: Facts;
  readonly expect: CaseExpectation;
}

/** A policy, checked and compiled. It never changes: another policy is another bundle with another digest. */
export interface Bundle {
  readonly name: string;
  /** Of everything the text says, cases included, and the profile that reads it. Comments and layout do not count. */
  readonly digest: Digest;
  readonly definition: Definition;
  readonly rules: readonly Rule[];
  readonly floor: readonly FloorRule[];
  readonly surfaces: readonly Surface[];
  readonly calendars: readonly Calendar[];
  readonly freezes: readonly Freeze[];
  /** The emergency route, where the policy has one. */
  readonly glass?: Glass;
  readonly cases: readonly Case[];
  readonly index: RuleIndex;
}

/** A whole bundle or every fault of its text. With `expected`, a text that is torn, rolled back or swapped is refused too. */
export function loadBundle(text: string, expected?: Digest): Result<Bundle, readonly BundleFault[]> {
  const faults = new Faults(text, { prefix: "bundle", noun: "a bundle" });
  const root = readYaml(faults);
  const bundle = root.ok ? readBundle(new Reading(faults), new Patterns(), { node: root.value, path: "" }) : undefined;
  if (bundle && faults.count === 0 && expected !== undefined && bundle.digest !== expected) {
    faults.add(
      0,
      "digest",
      `the text is not the bundle ${expected}: its digest is ${bundle.digest}`,
      undefined,
      "load the whole text of the version that is in force",
    );
  }
  return bundle && faults.count === 0 ? ok(bundle) : fail(faults.sorted());
}

function readBundle(read: Reading, patterns: Patterns, at: At): Bundle | undefined {
  const entries = read.map(at, ["pawl", "name", "defaults", "rules"], ["surfaces", "calendars", "freezes", "break_glass", "cases"]);
  if (!entries) return undefined;
  read.oneOf(entries.get("pawl"), [BUNDLE_SCHEMA]);
  const name = read.text(entries.get("name"), 64);
  const surfaceAt = entries.get("surfaces");
  const surfaces = surfaceAt ? read.list(surfaceAt, MOST.surfaces, readSurface(read, patterns)) : [];
  const defaults = readDefaults(read, entries.get("defaults"));
  const calendarAt = entries.get("calendars");
  const calendars = readCalendars(read, calendarAt);
  const known = namesIn(calendarAt);
  const rules = read.list(entries.get("rules"), MOST.rules, compiledRule(read, patterns, known));
  const freezes = readFreezes(read, entries.get("freezes"), known, (item, when) =>
    conditionAt(read, patterns, known, item, when, FACTS_PROFILE),
  );
  const breakGlass = readBreakGlass(read, entries.get("break_glass"));
  const caseAt = entries.get("cases");
  const cases = caseAt ? read.list(caseAt, MOST.cases, readCase(read)) : [];
  unique(read, surfaceAt, "name");
  unique(read, entries.get("rules"), "id");
  unique(read, caseAt, "name");
  unique(read, calendarAt, "name");
  unique(read, entries.get("freezes"), "name");
  if (name === undefined || !surfaces || !defaults || !rules || !cases || !calendars || !freezes) return undefined;
  const definition: Definition = {
    name,
    surfaces,
    defaults,
    rules: rules.map(plainRule),
    ...(calendars.length === 0 ? {} : { calendars: calendars.map((calendar) => calendar.definition) }),
    ...(freezes.length === 0
      ? {}
      : { freezes: freezes.map(({ name: id, calendar, when, reason }) => ({ name: id, calendar, when, reason })) }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
    cases: cases.map(({ definition: own }) => own),
  };
  const floor = [...FLOOR, ...surfaces.map((surface) => surfaceRule(surface.name))];
  return {
    name,
    digest: digestJson({ schema: BUNDLE_SCHEMA, profile: PROFILE, definition }),
    definition,
    rules,
    floor,
    surfaces: surfaces.map(surfaceOf),
    calendars,
    freezes,
    ...(breakGlass === undefined ? {} : { glass: glassOf(breakGlass) }),
    cases: cases.map(({ facts, definition: own }) => ({ name: own.name, facts, expect: own.expect })),
    index: indexOf(rules.map((rule) => rule.condition)),
  };
}

function plainRule({ id, outcome, each, when, reason, seats, instruction, holds }: Rule): RuleDefinition {
  return { id, outcome, ...(each === undefined ? {} : { each }), when, reason, seats, holds, ...(instruction ? { instruction } : {}) };
}

const compiledRule =
  (read: Reading, patterns: Patterns, calendars: ReadonlySet<string>) =>
  (at: At): Rule | undefined => {
    const rule = readRule(read)(at);
    const when = memberOf(at.node, "when");
    if (when?.kind !== "scalar" || typeof when.value !== "string") return undefined;
    const each = memberOf(at.node, "for") !== undefined;
    const condition = conditionAt(read, patterns, calendars, at, when.value, each ? STEP_PROFILE : FACTS_PROFILE);
    return rule && condition && { ...rule, condition: each ? unindexed(condition) : condition };
  };

/** The text of `when`, compiled; each fault points into it. */
function conditionAt(
  read: Reading,
  patterns: Patterns,
  calendars: ReadonlySet<string>,
  at: At,
  text: string,
  profile: Profile,
): Expression | undefined {
  const when = memberOf(at.node, "when");
  const condition = profile.condition(text, patterns);
  const faults = condition.ok ? calendarFaults(text, calendars) : condition.error;
  for (const { message, start } of faults) {
    const place = when?.kind === "scalar" ? placeInScalar(read.faults.text, when, start) : at.node.at;
    read.faults.add(place, "condition", message, `${at.path}.when`);
  }
  return condition.ok && faults.length === 0 ? condition.value : undefined;
}

/** The index looks at the facts of the whole change, which say too little of one step. */
const unindexed = (condition: Expression): Expression => ({ ...condition, demands: [], plain: undefined });

const ASKED = /time\s*\.\s*calendars/g;
const NAMED = /(?:"([^"\\]*)"|'([^'\\]*)')\s+in\s+$/;

/** A calendar is asked for by a name that there is: a misspelt one would be a rule that never fires, or always. */
function calendarFaults(text: string, calendars: ReadonlySet<string>): readonly { readonly message: string; readonly start: number }[] {
  return [...text.matchAll(ASKED)].flatMap(({ index }) => {
    const found = NAMED.exec(text.slice(0, index));
    const name = found?.[1] ?? found?.[2];
    if (name === undefined) return [{ message: 'time.calendars is asked only as "name" in time.calendars', start: index }];
    return calendars.has(name) ? [] : [{ message: `there is no calendar ${name}`, start: found?.index ?? index }];
  });
}

/** As they are written, so that a calendar with a fault in it is no unknown one as well. */
const namesIn = (at: At | undefined): ReadonlySet<string> =>
  new Set(
    (at?.node.kind === "list" ? at.node.items : []).flatMap((item) => {
      const name = memberOf(item, "name");
      return name?.kind === "scalar" && typeof name.value === "string" ? [name.value] : [];
    }),
  );

const readCase =
  (read: Reading) =>
  (at: At): { readonly facts: Facts; readonly definition: CaseDefinition } | undefined => {
    const entries = read.map(at, ["name", "expect"], ["facts", "at"]);
    const given = entries?.get("facts");
    const name = read.text(entries?.get("name"), 200);
    const expect = readExpectation(read, entries?.get("expect"));
    const facts = readCaseFacts(read, given ?? { node: { kind: "map", at: at.node.at, entries: [] }, path: at.path });
    const moment = readMoment(read, entries?.get("at"));
    if (name === undefined || !expect || !facts || moment === undefined) return undefined;
    const when = moment === "none" ? {} : { at: moment.text };
    return {
      facts: moment === "none" ? facts : { ...facts, time: timeOf(moment.at) },
      definition: { name, facts: given ? jsonOf(given.node) : {}, ...when, expect },
    };
  };

function readMoment(read: Reading, at: At | undefined): { readonly text: string; readonly at: Millis } | "none" | undefined {
  if (at === undefined) return "none";
  const text = read.text(at, 40);
  const moment = text === undefined ? undefined : parseInstant(text);
  if (text !== undefined && moment === undefined) read.fault(at, `${at.path} is no moment`, "such as 2026-12-24T10:00:00+01:00");
  return text === undefined || moment === undefined ? undefined : { text, at: moment };
}

function unique(read: Reading, at: At | undefined, key: string): void {
  if (at?.node.kind !== "list") return;
  const seen = new Set<unknown>();
  for (const [i, node] of at.node.items.entries()) {
    const value = memberOf(node, key);
    if (value?.kind !== "scalar") continue;
    if (seen.has(value.value)) read.fault({ node: value, path: `${at.path}[${i}].${key}` }, `${String(value.value)} stands twice`);
    seen.add(value.value);
  }
}
