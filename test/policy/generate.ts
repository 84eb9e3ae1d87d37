/** Random bundles, conditions and facts from a seed: the same seed gives the same cases on every machine. */
import { Dice } from "../../src/testing/dice.ts";
import { summaryOf } from "./facts.ts";
import type { Facts } from "../../src/core/policy/index.ts";
import type { Expr, RawBundle, RawRule, RawSeat, RawWho } from "./reference.ts";
import type { RawCalendar } from "./reference-calendar.ts";

/** Never asked to pick from nothing. */
export class Random extends Dice {
  override pick<T>(items: readonly T[]): T {
    return super.pick(items) as T;
  }
  some<T>(items: readonly T[], most: number): T[] {
    return this.times(most, () => this.pick(items));
  }
  times<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

const KINDS = ["create", "update", "delete", "replace", "send", "grant", "revoke", "execute"];
const PATHS = [
  "README.md",
  "docs/a.md",
  "src/auth/session.ts",
  "src/Auth/x.ts",
  "src/cart.ts",
  "db/migrations/1.sql",
  "docs/auth/é.md",
  "a",
];
const SURFACES = ["auth", "ci", "money"];
const OWNERS = ["@ada", "@bob", "@org/core"];
const CODES = ["git.binary", "scope.outside", "x.y"];
const CONNECTORS = ["git", "sql", "pawl"];
const GLOBS = ["**/*.md", "docs/**", "**/auth/**", "src/*.ts", "*", "**", "src/c?rt.ts", "**/session*", "git:shop#src/**", "git:**"];
const REGEXES = ["^src/", "\\.md$", "a.*b", "(a|s)+", "^[^/]*$", "é"];
const ints = [0n, 1n, 2n, 3n, -1n, 100n, 9223372036854775807n, -9223372036854775808n];

const ORDERS = ["<", "<=", ">", ">="];

/** A comparison with a constant, which stands on either side. */
function bound(r: Random, a: Expr): Expr {
  const b = lit(r.pick([0n, 1n, 2n, 3n, 10n]));
  return r.chance(0.5) ? { t: "bin", op: r.pick(ORDERS), a, b } : { t: "bin", op: r.pick(ORDERS), a: b, b: a };
}

const lit = (v: boolean | bigint | string | readonly string[]): Expr => ({ t: "lit", v });
const path = (...p: string[]): Expr => ({ t: "path", p });

function intExpr(r: Random, depth: number): Expr {
  if (depth <= 0 || r.chance(0.5)) {
    return r.pick([
      (): Expr => lit(r.pick(ints)),
      (): Expr => path("summary", r.pick(["effects", "deletes", "creates", "unowned", "lines_added"])),
      (): Expr => path("time", r.pick(["weekday", "hour"])),
      (): Expr => ({ t: "index", a: path("scope", "limits"), i: lit(r.pick(["rows", "money"])) }),
      (): Expr => ({ t: "size", a: path(r.pick(["effects", "findings", "unverified"])) }),
      (): Expr => ({ t: "size", a: { t: "loop", kind: "filter", over: path("effects"), v: "e", body: element(r, depth - 1) } }),
    ])();
  }
  return { t: "bin", op: r.pick(["+", "-", "*", "/", "%"]), a: intExpr(r, depth - 1), b: intExpr(r, depth - 1) };
}

/** A bool about one effect, `e`. */
function element(r: Random, depth: number): Expr {
  const text = (): Expr => path("e", r.pick(["path", "kind", "resource", "path"]));
  const leaf = [
    (): Expr => ({ t: "bin", op: r.pick(["==", "!="]), a: path("e", "kind"), b: lit(r.pick(KINDS)) }),
    (): Expr => ({ t: "bin", op: r.pick(["==", "<", ">="]), a: text(), b: lit(r.pick(PATHS)) }),
    (): Expr => ({ t: "bin", op: r.pick(["<", ">=", "=="]), a: path("e", "added"), b: lit(r.pick([0n, 5n])) }),
    (): Expr => ({ t: "bin", op: "in", a: lit(r.pick(SURFACES)), b: path("e", "surfaces") }),
    (): Expr => ({ t: "bin", op: "in", a: path("e", "kind"), b: lit(r.some(KINDS, 3)) }),
    (): Expr => ({ t: "glob", a: text(), patterns: [r.pick(GLOBS), ...r.some(GLOBS, 1)] }),
    (): Expr => ({
      t: "call",
      name: r.pick(["startsWith", "endsWith", "contains"] as const),
      a: text(),
      b: r.pick(["src", ".md", "a", ""]),
    }),
    (): Expr => ({ t: "call", name: "matches", a: text(), b: r.pick(REGEXES) }),
    (): Expr => ({ t: "has", p: ["e", r.pick(["path", "added"])] }),
    (): Expr => path("e", "inspectable"),
    (): Expr => ({ t: "bin", op: "==", a: { t: "size", a: path("e", "owners") }, b: lit(0n) }),
    (): Expr => ({
      t: "loop",
      kind: r.pick(["all", "exists"] as const),
      over: path("e", "owners"),
      v: "o",
      body: { t: "bin", op: "==", a: path("o"), b: lit(r.pick(OWNERS)) },
    }),
    (): Expr => ({
      t: "loop",
      kind: "exists",
      over: path("findings"),
      v: "f",
      body: { t: "bin", op: "==", a: path("f", "resource"), b: path("e", "resource") },
    }),
  ];
  return combine(r, depth, () => r.pick(leaf)(), element);
}

function combine(r: Random, depth: number, leaf: () => Expr, deeper: (r: Random, depth: number) => Expr): Expr {
  if (depth <= 0 || r.chance(0.45)) return leaf();
  const next = (): Expr => deeper(r, depth - 1);
  return r.pick([
    (): Expr => ({ t: "bin", op: "&&", a: next(), b: next() }),
    (): Expr => ({ t: "bin", op: "||", a: next(), b: next() }),
    (): Expr => ({ t: "not", a: next() }),
    (): Expr => ({ t: "if", c: next(), a: next(), b: next() }),
  ])();
}

/** A condition of a rule that is judged for each step. */
function stepCondition(r: Random, depth: number): Expr {
  const leaf = [
    (): Expr => ({ t: "bin", op: r.pick(["==", "!="]), a: path("step", "id"), b: lit(r.pick(["step-1", "step-2"])) }),
    (): Expr => ({ t: "bin", op: "==", a: path("step", "connector"), b: lit(r.pick(CONNECTORS)) }),
    (): Expr => ({ t: "bin", op: "in", a: lit(r.pick(SURFACES)), b: path("step", "surfaces") }),
    (): Expr => ({ t: "bin", op: r.pick(ORDERS), a: { t: "size", a: path("step", "effects") }, b: lit(r.pick([0n, 1n, 2n])) }),
    (): Expr => ({ t: "loop", kind: r.pick(["all", "exists"] as const), over: path("step", "effects"), v: "e", body: element(r, 2) }),
    (): Expr => condition(r, 1),
  ];
  return combine(r, depth, () => r.pick(leaf)(), stepCondition);
}

/** A condition of a rule, as a tree. */
export function condition(r: Random, depth: number): Expr {
  const leaf = [
    (): Expr => ({ t: "bin", op: r.pick(["==", "!=", ...ORDERS]), a: intExpr(r, 2), b: intExpr(r, 1) }),
    (): Expr => bound(r, path("summary", r.pick(["effects", "updates", "lines_added"]))),
    (): Expr => path("summary", "inspectable"),
    (): Expr => ({ t: "bin", op: "==", a: path("proposer", "kind"), b: lit(r.pick(["agent", "human"])) }),
    (): Expr => ({ t: "bin", op: "in", a: path("scope", "origin"), b: lit(r.some(["given", "derived", "x"], 2)) }),
    (): Expr => ({ t: "bin", op: "in", a: lit(r.pick(SURFACES)), b: path("summary", "surfaces") }),
    (): Expr => ({ t: "bin", op: "in", a: lit(r.pick(CONNECTORS)), b: path("change", "connectors") }),
    (): Expr => ({ t: "loop", kind: r.pick(["all", "exists", "exists_one"] as const), over: path("effects"), v: "e", body: element(r, 2) }),
    (): Expr => ({
      t: "bin",
      op: "in",
      a: lit(r.pick(KINDS)),
      b: { t: "loop", kind: "map", over: path("effects"), v: "e", body: path("e", r.pick(["kind", "path"])) },
    }),
    (): Expr => ({
      t: "bin",
      op: "==",
      a: fieldOf({ t: "index", a: path("effects"), i: lit(r.pick([0n, 1n, 9n, -1n])) }, r.pick(["kind", "kind"])),
      b: lit(r.pick(KINDS)),
    }),
    (): Expr => ({
      t: "loop",
      kind: "exists",
      over: path("findings"),
      v: "f",
      body: {
        t: "bin",
        op: "==",
        a: path("f", r.pick(["severity", "code", "resource"])),
        b: lit(r.pick(["danger", "scope.outside", "git:shop#a"])),
      },
    }),
    (): Expr => lit(r.chance(0.5)),
  ];
  return combine(r, depth, () => r.pick(leaf)(), condition);
}

/** `effects[0].kind` reads through a loop variable in the reference, so that its trees need no further kind of node. */
const fieldOf = (a: Expr, name: string): Expr => ({ t: "index", a, i: lit(name) });

/** The text of a tree in CEL. */
export function render(e: Expr): string {
  switch (e.t) {
    case "lit":
      return Array.isArray(e.v)
        ? `[${e.v.map((v) => JSON.stringify(v)).join(", ")}]`
        : typeof e.v === "string"
          ? JSON.stringify(e.v)
          : String(e.v);
    case "path":
      return e.p.join(".");
    case "has":
      return `has(${e.p.join(".")})`;
    case "bin":
      return `(${render(e.a)} ${e.op} ${render(e.b)})`;
    case "not":
      return `!(${render(e.a)})`;
    case "if":
      return `(${render(e.c)} ? ${render(e.a)} : ${render(e.b)})`;
    case "loop":
      return `${render(e.over)}.${e.kind}(${e.v}, ${render(e.body)})`;
    case "size":
      return `size(${render(e.a)})`;
    case "call":
      return `${render(e.a)}.${e.name}(${JSON.stringify(e.b)})`;
    case "glob":
      return `glob(${render(e.a)}, ${e.patterns.length === 1 ? JSON.stringify(e.patterns[0]) : `[${e.patterns.map((p) => JSON.stringify(p)).join(", ")}]`})`;
    case "index":
      return e.a.t === "index" && e.i.t === "lit" && typeof e.i.v === "string"
        ? `${render(e.a)}.${e.i.v}`
        : `${render(e.a)}[${render(e.i)}]`;
    default:
      throw new Error("no such node");
  }
}

function seat(r: Random, id: string): RawSeat {
  const who: readonly RawWho[] = [{ owners: true }, { group: "core" }, { role: "lead" }, { person: "ada" }, { owner: "@ada" }];
  const sitters = [...new Set([r.pick(who), ...r.some(who, 1)])];
  return {
    id,
    who: sitters,
    ...(r.chance(0.3) ? { fallback: [{ group: "maintainers" }] } : {}),
    ...(r.chance(0.3) ? { count: 1 + r.below(3) } : {}),
    ...(r.chance(0.3) ? { strength: r.pick(["session", "passkey"]) } : {}),
    ...(r.chance(0.3) ? { channels: [...new Set([r.pick(["console", "cli"]), r.pick(["console", "api"])])] } : {}),
  };
}

const OUTCOMES = ["auto", "auto", "auto", "auto", "auto", "auto", "review", "review", "escalate", "revise", "block"];

function rule(r: Random, i: number, when: string, each: boolean): RawRule {
  const outcome = r.pick(OUTCOMES);
  const seated = outcome === "escalate" || (outcome === "review" && r.chance(0.7));
  const instructs = outcome === "revise" || (outcome === "block" && r.chance(0.5));
  return {
    id: `r${i}`,
    outcome,
    ...(each ? { for: "each step" } : {}),
    when,
    reason: "because",
    ...(seated ? { seats: [seat(r, "owner"), ...(r.chance(0.4) ? [seat(r, "other")] : [])] } : {}),
    ...(instructs ? { instruction: { code: r.pick(["mend", "split"]), message: "do" } } : {}),
    ...(outcome !== "auto" && r.chance(0.2) ? { holds: [r.pick(["freeze", "weekend"])] } : {}),
  };
}

/** A bundle as plain data (its JSON text is YAML), and the tree of each rule's condition. */
export function bundle(
  r: Random,
  most = r.chance(0.01) ? 80 : 6,
): { readonly data: RawBundle; readonly conditions: readonly Expr[]; readonly freezing: readonly Expr[] } {
  const trees = r.times(most, () => {
    const each = r.chance(0.15);
    return { each, tree: each ? stepCondition(r, 2) : condition(r, 3) };
  });
  const calendars = r.chance(0.3) ? CALENDARS.slice(0, 1 + r.below(CALENDARS.length)) : [];
  const asked = (): Expr => ({ t: "bin", op: "in", a: lit(r.pick(calendars).name), b: path("time", "calendars") });
  const conditions = trees.map(({ tree }): Expr => {
    if (calendars.length === 0 || r.chance(0.6)) return tree;
    return { t: "bin", op: r.pick(["&&", "||"]), a: asked(), b: tree };
  });
  const freezing = calendars.length === 0 ? [] : r.times(2, () => condition(r, 2));
  const names = r.some(SURFACES, 2).filter((name, i, all) => all.indexOf(name) === i);
  const surfaces = names.map((name) => ({
    name,
    paths: r.some(GLOBS.slice(0, 8), 1),
    resources: r.some(GLOBS.slice(8), 1).slice(0, r.chance(0.2) ? 1 : 0),
    tags: r.some(SURFACES, 1),
  }));
  const data = {
    pawl: "policy/v1",
    name: "random",
    surfaces,
    defaults: { seats: [seat(r, "owner")], ...(r.chance(0.5) ? { unowned: [{ group: "maintainers" }] } : {}) },
    rules: conditions.map((tree, i) => rule(r, i, render(tree), trees[i]?.each === true)),
    ...(calendars.length === 0 ? {} : { calendars }),
    ...(freezing.length === 0
      ? {}
      : {
          freezes: freezing.map((tree, i) => ({ name: `f${i}`, calendar: r.pick(calendars).name, when: render(tree), reason: "closed" })),
        }),
  };
  return { data, conditions, freezing };
}

const CALENDARS: readonly [RawCalendar, ...RawCalendar[]] = [
  { name: "weekend", zone: "Europe/Oslo", weekly: [{ from: "Fri 16:00", to: "Mon 08:00" }] },
  {
    name: "night",
    zone: "America/New_York",
    weekly: [
      { from: "Sun 01:30", to: "Sun 02:30" },
      { from: "Sun 02:30", to: "Sun 03:15" },
    ],
  },
  {
    name: "holidays",
    zone: "Pacific/Apia",
    dates: [
      { from: "2026-12-23 16:00", to: "2027-01-04 08:00" },
      { from: "2026-10-25", to: "2026-10-25" },
    ],
  },
];
/** Around where the clocks of Oslo and New York are put, and around the holidays. */
const MOMENTS = [
  "2026-03-08T06:00:00Z",
  "2026-03-29T00:00:00Z",
  "2026-10-25T00:00:00Z",
  "2026-11-01T05:00:00Z",
  "2026-12-23T01:00:00Z",
  "2027-01-03T17:00:00Z",
];

function moment(r: Random): Facts["time"] {
  const at = Date.parse(r.pick(MOMENTS)) + (r.below(49) - 24) * 7.5 * 60_000 + r.below(3) * 60_000;
  const day = new Date(at);
  return { weekday: day.getUTCDay() || 7, hour: day.getUTCHours(), minute: day.getUTCMinutes(), unix: at / 1000, calendars: [] };
}

type Effect = Facts["effects"][number];

function effect(r: Random): Effect {
  const named = r.chance(0.8);
  const at = r.pick(PATHS);
  const lines = r.chance(0.6);
  return {
    step: r.pick(["step-1", "step-2"]),
    kind: r.pick(KINDS),
    resource: named ? `git:shop#${at}` : "git:shop",
    ...(named ? { path: at } : {}),
    resource_kind: "git.file",
    connector: r.chance(0.97) ? r.pick(CONNECTORS.slice(0, 2)) : "pawl",
    system: r.chance(0.98) ? "git:shop" : "pawl",
    environment: "main",
    reversibility: r.chance(0.97) ? "reversible" : "unknown",
    exposure: r.chance(0.98) ? "none" : "unknown",
    privilege: r.chance(0.98) ? "none" : "unknown",
    fields: [],
    surfaces: r.chance(0.1) ? [r.pick(SURFACES)] : [],
    owners: r.some(OWNERS, 2),
    provenance: r.chance(0.96) ? "derived" : r.pick(["claimed", "unknown", "attested"]),
    inspectable: r.chance(0.97),
    ...(lines ? { added: r.below(10), removed: r.below(3) } : {}),
  };
}

export function facts(r: Random): Facts {
  const effects = r.chance(0.05) ? [] : [effect(r), ...r.times(2, () => effect(r))];
  const finding = (): Facts["findings"][number] => ({
    code: r.pick(CODES),
    severity: r.pick(["info", "warning", "info", "danger", "refused"]),
    provenance: "derived",
    ...(r.chance(0.5) ? { resource: r.pick(["git:shop#a", "git:shop#README.md"]) } : {}),
  });
  return {
    change: { id: "chg_1", revision: 1 + r.below(2), connectors: r.some(CONNECTORS, 2), operations: ["git.merge"] },
    proposer: { id: "agent:a", kind: r.pick(["agent", "human"]), on_behalf_of: "human:ada", owner: "human:ada" },
    scope: {
      origin: r.pick(["given", "derived"]),
      systems: [],
      environments: [],
      operations: [],
      resources: [],
      limits: r.chance(0.5) ? { rows: r.below(5) } : {},
    },
    effects,
    summary: summaryOf(effects),
    findings: r.chance(0.85) ? [] : [finding(), ...r.times(1, finding)],
    evidence: [],
    unverified: r.times(1, () => ({ topic: "tests.changed" })),
    undo: { planned: 1, manual: 0, impossible: 0 },
    time: moment(r),
    steps: ["step-1", "step-2"]
      .slice(0, 1 + r.below(2))
      .map((id) => ({ id, connector: r.pick(CONNECTORS), operation: "git.merge", undo: "planned" })),
  };
}
