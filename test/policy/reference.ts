/**
 * The whole route decision again, as plainly as possible and sharing nothing with src/core/policy: a tree walk over generated
 * conditions, every rule evaluated in turn, no index, no compiling, no cost. What it says is what the engine must say.
 */
import type { Facts } from "../../src/core/policy/index.ts";
import { isInForceOnce } from "./reference-calendar.ts";
import type { RawCalendar } from "./reference-calendar.ts";

type Effect = Facts["effects"][number];

export type Expr =
  | { readonly t: "lit"; readonly v: boolean | bigint | string | readonly string[] }
  | { readonly t: "path"; readonly p: readonly string[] }
  | { readonly t: "has"; readonly p: readonly string[] }
  | { readonly t: "bin"; readonly op: string; readonly a: Expr; readonly b: Expr }
  | { readonly t: "not"; readonly a: Expr }
  | { readonly t: "if"; readonly c: Expr; readonly a: Expr; readonly b: Expr }
  | {
      readonly t: "loop";
      readonly kind: "all" | "exists" | "exists_one" | "filter" | "map";
      readonly over: Expr;
      readonly v: string;
      readonly body: Expr;
    }
  | { readonly t: "size"; readonly a: Expr }
  | { readonly t: "call"; readonly name: "startsWith" | "endsWith" | "contains" | "matches"; readonly a: Expr; readonly b: string }
  | { readonly t: "glob"; readonly a: Expr; readonly patterns: readonly string[] }
  | { readonly t: "index"; readonly a: Expr; readonly i: Expr };

export interface RawSeat {
  readonly id: string;
  readonly who: readonly RawWho[];
  readonly fallback?: readonly RawWho[];
  readonly count?: number;
  readonly strength?: string;
  readonly channels?: readonly string[];
}
export type RawWho = Readonly<Record<string, string | boolean>>;
export interface RawRule {
  readonly id: string;
  readonly outcome: string;
  readonly for?: string;
  readonly when: string;
  readonly reason: string;
  readonly seats?: readonly RawSeat[];
  readonly instruction?: { readonly code: string; readonly message: string };
  readonly holds?: readonly string[];
}
export interface RawSurface {
  readonly name: string;
  readonly paths: readonly string[];
  readonly resources: readonly string[];
  readonly tags: readonly string[];
}
export interface RawBundle {
  readonly pawl: string;
  readonly name: string;
  readonly surfaces: readonly RawSurface[];
  readonly defaults: { readonly seats: readonly RawSeat[]; readonly unowned?: readonly RawWho[] };
  readonly rules: readonly RawRule[];
  readonly calendars?: readonly RawCalendar[];
  readonly freezes?: readonly { readonly name: string; readonly calendar: string; readonly when: string; readonly reason: string }[];
}

const ERR = Symbol("error");
type Value = typeof ERR | boolean | bigint | string | readonly Value[] | Bag;
interface Bag {
  readonly [name: string]: unknown;
}

function evalExpr(e: Expr, env: Bag): Value {
  switch (e.t) {
    case "lit":
      return e.v;
    case "path":
      return walk(env, e.p);
    case "has": {
      const at = walk(env, e.p.slice(0, -1));
      return at === ERR ? ERR : (at as Bag)[e.p.at(-1) as string] !== undefined;
    }
    case "bin":
      return binary(e.op, evalExpr(e.a, env), evalExpr(e.b, env));
    case "not":
      return on(evalExpr(e.a, env), (a) => a === false);
    case "if":
      return on(evalExpr(e.c, env), (c) => evalExpr(c === true ? e.a : e.b, env));
    case "loop":
      return on(evalExpr(e.over, env), (over) =>
        loop(e.kind, over as readonly Value[], (each) => evalExpr(e.body, { ...env, [e.v]: each })),
      );
    case "size":
      return on(evalExpr(e.a, env), (a) => BigInt(typeof a === "string" ? Array.from(a).length : (a as readonly Value[]).length));
    case "call":
      return on(evalExpr(e.a, env), (a) => search(e.name, a as string, e.b));
    case "glob":
      return on(evalExpr(e.a, env), (a) => e.patterns.some((pattern) => globRegex(pattern).test(a as string)));
    case "index":
      return on(evalExpr(e.a, env), (a) => on(evalExpr(e.i, env), (i) => item(a, i)));
    default:
      throw new Error("no such node");
  }
}

const on = (value: Value, fn: (value: Value) => Value): Value => (value === ERR ? ERR : fn(value));
const lifted = (value: unknown): Value => (value === undefined ? ERR : typeof value === "number" ? BigInt(value) : (value as Value));
const walk = (env: Bag, path: readonly string[]): Value =>
  path.reduce<Value>((at, name) => on(at, (bag) => lifted((bag as Bag)[name])), env);

function item(a: Value, i: Value): Value {
  if (Array.isArray(a)) return typeof i === "string" ? ERR : lifted((a as readonly unknown[])[Number(i)]);
  return lifted(Object.hasOwn(a as Bag, i as string) ? (a as Bag)[i as string] : undefined);
}

function search(name: string, text: string, part: string): boolean {
  if (name === "matches") return new RegExp(part, "u").test(text);
  return name === "contains" ? text.includes(part) : name === "startsWith" ? text.startsWith(part) : text.endsWith(part);
}

function binary(op: string, a: Value, b: Value): Value {
  if (op === "&&") return a === false || b === false ? false : a === ERR || b === ERR ? ERR : true;
  if (op === "||") return a === true || b === true ? true : a === ERR || b === ERR ? ERR : false;
  if (a === ERR || b === ERR) return ERR;
  if (op === "==") return a === b;
  if (op === "!=") return a !== b;
  if (op === "in") return (b as readonly Value[]).includes(a);
  if (op === "<") return (a as bigint) < (b as bigint);
  if (op === "<=") return (a as bigint) <= (b as bigint);
  if (op === ">") return (a as bigint) > (b as bigint);
  if (op === ">=") return (a as bigint) >= (b as bigint);
  return arithmetic(op, a as bigint, b as bigint);
}

function arithmetic(op: string, a: bigint, b: bigint): Value {
  if ((op === "/" || op === "%") && b === 0n) return ERR;
  const result = op === "+" ? a + b : op === "-" ? a - b : op === "*" ? a * b : op === "/" ? a / b : a % b;
  // A modulus overflows where its quotient does.
  const overflows = BigInt.asIntN(64, result) !== result || (op === "%" && BigInt.asIntN(64, a / b) !== a / b);
  return overflows ? ERR : result;
}

function loop(kind: string, over: readonly Value[], body: (item: Value) => Value): Value {
  const results = over.map(body);
  if (kind === "all") return results.includes(false) ? false : results.includes(ERR) ? ERR : true;
  if (kind === "exists") return results.includes(true) ? true : results.includes(ERR) ? ERR : false;
  if (results.includes(ERR)) return ERR;
  if (kind === "map") return results;
  const kept = over.filter((_, i) => results[i] === true);
  return kind === "filter" ? kept : kept.length === 1;
}

const regexes = new Map<string, RegExp>();
function globRegex(pattern: string): RegExp {
  const known = regexes.get(pattern);
  if (known) return known;
  const source = pattern.replaceAll(/(^|[/:#])\*\*\/|\*\*|\*|\?|[^*?]/g, (part, before: string | undefined) => {
    if (part.endsWith("**/")) return `${before ?? ""}(?:.*/)?`;
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : part.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  });
  const made = new RegExp(`^${source}$`, "su");
  regexes.set(pattern, made);
  return made;
}

const RANK = ["auto", "review", "escalate", "revise", "block"];
const strictest = (outcomes: readonly string[]): string => outcomes.reduce((a, b) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a), "auto");
const unique = (items: readonly string[]): string[] => [...new Set(items)].toSorted();

/** What is compared of an answer. */
export interface Answer {
  readonly outcome: string;
  readonly seats: readonly PlainSeat[];
  readonly holds: readonly string[];
  /** Those that the change is under. */
  readonly freezes: readonly string[];
  /** Those of them that are in force. */
  readonly frozen: readonly string[];
  /** Codes. */
  readonly instructions: readonly string[];
  /** Rules that fired, the floor's included, sorted. */
  readonly fired: readonly string[];
}
export interface PlainSeat {
  readonly id: string;
  /** Each selector as JSON, sorted. */
  readonly who: readonly string[];
  readonly count: number;
  readonly strength: string;
  readonly channels: readonly string[];
  readonly step?: string;
}

/** `conditions[i]` is the tree of rule i, `freezing[i]` that of freeze i. */
export function decide(bundle: RawBundle, conditions: readonly Expr[], freezing: readonly Expr[], given: Facts): Answer {
  const facts = dated(bundle, tagged(bundle, given));
  const env = facts as unknown as Bag;
  const steps = facts.steps.map((step) => stepBag(facts, step));
  const values = (rule: RawRule, tree: Expr): readonly Value[] =>
    rule.for === undefined ? [evalExpr(tree, env)] : steps.map((step) => evalExpr(tree, { ...env, step }));
  const verdicts = bundle.rules.map((rule, i) => ({ rule, values: values(rule, conditions[i] as Expr) }));
  const fires = (rule: RawRule, value: Value): boolean => value === true || (value === ERR && rule.outcome !== "auto");
  const hits = verdicts
    .filter(({ rule, values: of }) =>
      rule.outcome === "auto" ? of.length > 0 && of.every((v) => fires(rule, v)) : of.some((v) => fires(rule, v)),
    )
    .map(({ rule, values: of }) => ({
      rule,
      steps: rule.for === undefined ? [undefined] : facts.steps.filter((_, i) => fires(rule, of[i] as Value)).map(({ id }) => id),
    }));
  const fired = hits.map(({ rule }) => rule);
  const failed = verdicts.some(({ values: of }) => of.includes(ERR));
  const freezes = (bundle.freezes ?? []).filter((_, i) => evalExpr(freezing[i] as Expr, env) !== false);
  const floor = floorOf(bundle, facts, fired.length === 0, failed);
  const before = strictest([...floor.map(([, of]) => of), ...fired.map((rule) => rule.outcome)]);
  const seats =
    before === "review" || before === "escalate"
      ? allSeats(wantedSeats(bundle, facts, hits), facts.effects, bundle.defaults.unowned ?? [])
      : [];
  const unfilled = seats.some((seat) => seat.who.length === 0);
  return {
    outcome: unfilled ? "escalate" : before,
    seats,
    holds: unique(fired.flatMap((rule) => rule.holds ?? [])),
    freezes: unique(freezes.map(({ name }) => name)),
    frozen: unique(freezes.filter(({ calendar }) => facts.time.calendars.includes(calendar)).map(({ name }) => name)),
    instructions: instructionsOf(facts, hits),
    fired: [...floor.map(([rule]) => rule), ...(unfilled ? ["builtin:unowned"] : []), ...fired.map((rule) => rule.id)].toSorted(),
  };
}

function tagged(bundle: RawBundle, given: Facts): Facts {
  const effects = given.effects.map((e) => ({
    ...e,
    surfaces: unique([...e.surfaces, ...bundle.surfaces.filter((s) => touches(s, e)).map((s) => s.name)]),
  }));
  const surfaces = unique([...given.summary.surfaces, ...effects.flatMap((e) => e.surfaces)]);
  return { ...given, effects, summary: { ...given.summary, surfaces } };
}

function touches(surface: RawSurface, e: Effect): boolean {
  const any = (patterns: readonly string[], text: string): boolean =>
    patterns.some((pattern) => globRegex(pattern.toLowerCase()).test(text.toLowerCase()));
  const tags = [surface.name, ...surface.tags];
  return (
    tags.some((tag) => e.surfaces.includes(tag)) ||
    (e.path !== undefined && any(surface.paths, e.path)) ||
    any(surface.resources, e.resource)
  );
}

function floorOf(bundle: RawBundle, { effects, findings, summary }: Facts, silent: boolean, failed: boolean): [string, string][] {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["refused", "block", findings.some((f) => f.severity === "refused")],
    ["out-of-scope", "revise", findings.some((f) => f.code.startsWith("scope."))],
    ["no-effects", "revise", effects.length === 0],
    ["danger", "review", findings.some((f) => f.severity === "danger")],
    ["unknown", "review", effects.some((e) => e.provenance === "unknown")],
    ["claimed", "review", effects.some((e) => e.provenance === "claimed")],
    ["uninspectable", "review", effects.some((e) => !e.inspectable)],
    ["consequence", "review", effects.some((e) => [e.reversibility, e.exposure, e.privilege].includes("unknown"))],
    ["self", "review", effects.some((e) => [e.system, e.connector].includes("pawl"))],
    ...bundle.surfaces.map((s) => [`surface:${s.name}`, "review", summary.surfaces.includes(s.name)] as const),
    ["rule-error", "review", failed],
    ["default", "review", silent],
  ];
  return rows.filter(([, , holds]) => holds).map(([name, outcome]) => [`builtin:${name}`, outcome]);
}

interface Hit {
  readonly rule: RawRule;
  /** Undefined for the change as a whole. */
  readonly steps: readonly (string | undefined)[];
}

function instructionsOf({ effects, findings }: Facts, fired: readonly Hit[]): readonly string[] {
  const refused = findings.filter((f) => f.severity === "refused");
  const outside = findings.filter((f) => f.code.startsWith("scope."));
  const own = fired.flatMap(({ rule, steps }) => steps.flatMap(() => (rule.instruction ? [rule.instruction.code] : [])));
  return [...[...refused, ...outside].map((f) => f.code), ...(effects.length === 0 ? ["no_effects"] : []), ...own];
}

type Asked = readonly [RawSeat, string | undefined];

function wantedSeats(bundle: RawBundle, { steps: all }: Facts, fired: readonly Hit[]): readonly Asked[] {
  const asking = fired.filter(({ rule }) => rule.outcome === "review" || rule.outcome === "escalate");
  const wanted = asking.flatMap(({ rule, steps }) =>
    steps.flatMap((step) => (rule.seats ?? bundle.defaults.seats).map((seat): Asked => [seat, step])),
  );
  const isAsked = (id: string): boolean => wanted.some(([, step]) => step === undefined || step === id);
  const rest = wanted.length === 0 ? [undefined] : all.map(({ id }) => id).filter((id) => !isAsked(id));
  return [...wanted, ...rest.flatMap((step) => bundle.defaults.seats.map((seat): Asked => [seat, step]))];
}

/** The change's own first, then each step's over what that step touches. */
function allSeats(wanted: readonly Asked[], effects: readonly Effect[], unowned: readonly RawWho[]): readonly PlainSeat[] {
  const seatsFor = (step: string | undefined): readonly RawSeat[] => wanted.filter(([, of]) => of === step).map(([seat]) => seat);
  const steps = [...new Set(wanted.flatMap(([, step]) => (step === undefined ? [] : [step])))];
  const own = steps.flatMap((step) =>
    seatsOf(
      seatsFor(step),
      effects.filter((e) => e.step === step),
      unowned,
    ).map((seat) => ({ ...seat, id: `${step}/${seat.id}`, step })),
  );
  return [...seatsOf(seatsFor(undefined), effects, unowned), ...own];
}

function stepBag({ effects }: Facts, step: Facts["steps"][number]): Bag {
  const own = effects.filter((e) => e.step === step.id);
  return {
    ...step,
    effects: own,
    systems: unique(own.map((e) => e.system)),
    environments: unique(own.map((e) => e.environment)),
    surfaces: unique(own.flatMap((e) => e.surfaces)),
  };
}

/** By Temporal, where the engine goes by Intl. */
function dated(bundle: RawBundle, facts: Facts): Facts {
  const calendars = bundle.calendars ?? [];
  if (calendars.length === 0) return facts;
  const names = calendars.filter((calendar) => isInForceOnce(calendar, facts.time.unix)).map(({ name }) => name);
  return { ...facts, time: { ...facts.time, calendars: unique(names) } };
}

function seatsOf(wanted: readonly RawSeat[], effects: readonly Effect[], unowned: readonly RawWho[]): readonly PlainSeat[] {
  const keys = unique(effects.filter((e) => e.owners.length > 0).map((e) => unique(e.owners).join("\n")));
  const sets = keys.map((key) => key.split("\n"));
  const minimal = sets.filter((set) => !sets.some((other) => other.length < set.length && other.every((owner) => set.includes(owner))));
  const bare = effects.some((e) => e.owners.length === 0);
  const seats: PlainSeat[] = [];
  for (const seat of wanted) {
    const fixed = seat.who.filter((who) => who["owners"] !== true);
    const owned = minimal.map((set) => [...fixed, ...set.map((owner) => ({ owner }))]);
    const groups = fixed.length === seat.who.length ? [fixed] : [...owned, ...(bare ? [[...fixed, ...(seat.fallback ?? unowned)]] : [])];
    for (const who of groups) add(seats, plainSeat(seat, who));
  }
  return seats.map((seat, i) => ({ ...seat, id: idOf(seats, i) }));
}

function plainSeat(seat: RawSeat, who: readonly RawWho[]): PlainSeat {
  const channels = unique(seat.channels ?? ["console", "cli", "api", "slack", "teams", "github", "email"]);
  return {
    id: seat.id,
    who: unique(who.map((w) => JSON.stringify(w))),
    count: seat.count ?? 1,
    strength: seat.strength ?? "session",
    channels,
  };
}

/** Ids are `owner` and `other`: the n-th seat of a name is `name-n`. */
function idOf(seats: readonly PlainSeat[], i: number): string {
  const { id } = seats[i] as PlainSeat;
  const n = seats.slice(0, i + 1).filter((seat) => seat.id === id).length;
  return n === 1 ? id : `${id}-${n}`;
}

function add(seats: PlainSeat[], seat: PlainSeat): void {
  const at = seats.findIndex(
    (other) => other.who.join(" ") === seat.who.join(" ") && other.channels.some((c) => seat.channels.includes(c)),
  );
  const other = seats[at];
  if (!other) seats.push(seat);
  else {
    const strength = seat.strength === "passkey" ? "passkey" : other.strength;
    seats[at] = {
      ...other,
      count: Math.max(other.count, seat.count),
      strength,
      channels: other.channels.filter((c) => seat.channels.includes(c)),
    };
  }
}
