import assert from "node:assert/strict";
import test from "node:test";
import type { PersonId, PrincipalId } from "../base/index.ts";
import { effect, planWith, samplePlan, sampleRoute } from "../../testing/plans.ts";
import { seat } from "../../testing/people.ts";
import type { Effect, Finding, Plan, Statement, Undo } from "../plan/index.ts";
import type { Outcome, Route, RuleTrace } from "../policy/index.ts";
import { present, renderText } from "./index.ts";
import type { RenderContext, SectionId } from "./index.ts";

const empty: Route = { outcome: "review", seats: [], reasons: [], instructions: [], holds: [] };
const bare = (effects: readonly Effect[], more: Parameters<typeof planWith>[0] = {}): Plan =>
  planWith({
    ...more,
    proposal: { claims: [], summary: "", ...more.proposal },
    analysis: { findings: [], impact: [], evidence: [], unverified: [], assumptions: [], ...more.analysis },
    step: { observations: [], ...more.step, effects },
  });
const section = (id: SectionId, plan: Plan, route = empty) => present(plan, route).sections.find((one) => one.id === id)!;
const facts = (id: SectionId, plan: Plan): string[] =>
  section(id, plan).items.flatMap((item) =>
    item.kind === "fact" ? [`${item.label}: ${item.text}`] : item.kind === "note" ? [item.text] : [],
  );
const lines = (plan: Plan, { route = empty, color = false, context }: { route?: Route; color?: boolean; context?: RenderContext } = {}) =>
  renderText(present(plan, route), { width: 100, color, context }).split("\n");
/** Blanks as one, so that columns do not matter. */
const plain = (...given: Parameters<typeof lines>): string[] => lines(...given).map((line) => line.replaceAll(/ +/g, " ").trim());

test("[PL-28] what will change is counted by kind, the gravest first", () => {
  const kinds = ["create", "update", "execute", "send", "grant", "revoke", "replace", "delete"] as const;
  const all = kinds.map((kind, i) => effect(String(i), { kind }));
  assert.equal(
    section("changes", bare([...all, effect("9")])).answer,
    "1 deleted · 1 replaced · 1 revoked · 1 granted · 1 sent · 1 executed · 2 updated · 1 created",
  );
  assert.equal(section("changes", bare([])).answer, "nothing");
});

test("[PL-30] what an effect leads to is said in words, and nothing where nothing follows", () => {
  const said = (more: Partial<Effect>): string => {
    const [item] = section("changes", bare([effect("a", more)])).items.filter(({ kind }) => kind === "effect");
    return item?.kind === "effect" ? item.consequence : "";
  };
  assert.equal(said({}), "reversible");
  assert.equal(said({ exposure: "none" }), "reversible");
  assert.equal(
    said({ reversibility: "compensable", privilege: "lost", exposure: "external" }),
    "can be made good, not reversed · takes rights · seen outside",
  );
  assert.equal(
    said({ reversibility: "irreversible", privilege: "gained", exposure: "public" }),
    "cannot be undone · gives rights · seen by the public",
  );
  assert.equal(
    said({ reversibility: "unknown", privilege: "unknown", exposure: "unknown" }),
    "nobody knows whether it can be undone · nobody knows what rights it gives · nobody knows who will see it",
  );
});

test("[PL-30] what reaches outside is told by its kind, its exposure or its rights; what cannot be looked into comes first", () => {
  const tones = (...effects: Effect[]): string[] =>
    section("changes", bare(effects)).items.flatMap((item) =>
      item.kind === "effect" ? [`${item.tone} ${item.effect.resource.slice(9)}`] : [],
    );
  for (const kind of ["send", "grant", "revoke", "execute"] as const) assert.deepEqual(tones(effect("a", { kind })), ["outward a"], kind);
  for (const exposure of ["external", "public"] as const) assert.deepEqual(tones(effect("a", { exposure })), ["outward a"]);
  for (const more of [{ exposure: "unknown" }, { privilege: "lost" }, { privilege: "unknown" }, { exposure: "none" }] as const)
    assert.deepEqual(tones(effect("a", more)), ["changing a"]);
  const blind = effect("z", { detail: { kind: "uninspectable", reason: "binary" } });
  assert.deepEqual(tones(effect("a"), blind, effect("b", { kind: "create" })), ["changing z", "changing a", "adding b"]);
});

test("[PL-28] whether all is inside the scope is said of none, one and many", () => {
  const scope = { systems: ["**"], environments: ["**"], operations: [], resources: ["**"], limits: {} } as const;
  const every = { ...scope, operations: ["create", "update", "delete", "replace", "send", "grant", "revoke", "execute"] } as const;
  const asked = (effects: readonly Effect[], given: object): string[] =>
    facts("asked", bare(effects, { proposal: { scope: given as never } }));
  assert.deepEqual(asked([], scope), [
    "There are no effects, so all is inside the scope.",
    "scope: as agent:coder gave it",
    "systems: **",
    "environments: **",
    "operations: nothing",
    "resources: **",
  ]);
  assert.equal(asked([effect("a")], every)[0], "The one effect is inside the scope.");
  assert.equal(asked([effect("a"), effect("b")], every)[0], "Both effects are inside the scope.");
  assert.equal(asked([effect("a"), effect("b")], every)[4], "operations: any");
  assert.equal(asked([effect("a")], scope)[0], "Not everything is inside the scope: see the findings above.");
  assert.equal(asked([], { ...scope, limits: { rows: 2, deletes: 0 } }).at(-1), "limits: deletes ≤ 0, rows ≤ 2");
  assert.equal(section("asked", bare([], { proposal: { scope } })).answer, "yes, all of it");
  assert.ok(
    facts("asked", bare([], { proposal: { scope: undefined } })).includes("scope: derived from what the request names; none was given"),
  );
});

test("[PL-28] what is asked is the title, and the summary below it where there is one", () => {
  const words = (more: object): string => {
    const [item] = section("asked", bare([], { proposal: more })).items;
    return item?.kind === "words" ? item.text : "";
  };
  assert.equal(words({ title: "T", summary: "" }), "T");
  assert.equal(words({ title: "T", summary: "S" }), "T\n\nS");
});

test("[PL-28] what it reaches is counted, with words of one and of many", () => {
  const one = effect("a", { surfaces: ["s"], owners: ["o"], exposure: "none" });
  assert.equal(section("reach", bare([one])).answer, "1 environment · 1 marked surface · 1 owner");
  assert.equal(section("reach", bare([])).answer, "0 environments · 0 marked surfaces · 0 owners");
  assert.deepEqual(facts("reach", bare([one])), [
    "systems: git:shop",
    "environments: main",
    "surfaces: s",
    "owners: o",
    "Nobody measured what depends on what is touched.",
  ]);
  const exposed = (["internal", "external", "public", "unknown", "unknown"] as const).map((exposure, i) =>
    effect(String(i), { exposure, privilege: i === 0 ? "gained" : "none", system: `s${i % 2}` }),
  );
  assert.deepEqual(facts("reach", bare(exposed)).slice(0, 4), [
    "systems: s0 (3), s1 (2)",
    "environments: main (5)",
    "seen: by nobody knows whom (2), by the public, inside, outside",
    "rights: gained",
  ]);
  const impact: Statement = { topic: "t", text: "x", provenance: "derived", source: "pawl" };
  assert.ok(!facts("reach", bare([one], { analysis: { impact: [impact] } })).some((text) => text.startsWith("Nobody")));
});

test("[PL-28] what is known and what is open are counted, and nothing is said to be nothing", () => {
  const seen = { subject: "s", value: { kind: "json", value: 1 }, method: "m", provenance: "derived" } as const;
  assert.equal(section("known", bare([])).answer, "nothing");
  assert.equal(section("known", bare([], { step: { observations: [seen] } })).answer, "1 thing seen, 0 only claimed");
  assert.equal(
    section("known", bare([], { step: { observations: [seen] }, proposal: { claims: ["x"] } })).answer,
    "1 thing seen, 1 only claimed",
  );
  const bareOpen = { ...bare([]), unverified: [], assumptions: [] };
  assert.equal(section("unchecked", bareOpen).answer, "nothing is listed");
  const said: Statement = { topic: "t", text: "the disk is large", provenance: "claimed", source: "git" };
  assert.equal(section("unchecked", { ...bareOpen, unverified: [said] }).answer, "1 open point");
  const both = section("unchecked", { ...bareOpen, unverified: [{ ...said, resource: "r" }, said], assumptions: [said] });
  assert.equal(both.answer, "3 open points");
  assert.deepEqual(
    both.items.map((item) => (item.kind === "statement" ? [item.text, item.resources] : [])),
    [
      ["the disk is large", []],
      ["the disk is large", ["r"]],
      ["Assumed: the disk is large", []],
    ],
  );
});

test("[PL-28] what is known best comes first", () => {
  const evidence = (["unknown", "claimed", "derived", "attested"] as const).map((provenance): Statement => ({
    topic: provenance,
    text: provenance,
    provenance,
    source: "s",
  }));
  const known = section("known", { ...bare([]), evidence }).items;
  assert.deepEqual(
    known.map((item) => (item.kind === "statement" ? item.text : "")),
    ["attested", "derived", "claimed", "unknown"],
  );
});

test("[PL-28] what policy says is one sentence for each outcome", () => {
  const answer = (outcome: Outcome): string => section("policy", bare([]), { ...empty, outcome }).answer;
  assert.deepEqual((["auto", "review", "escalate", "revise", "block"] as const).map(answer), [
    "auto: it may run by itself",
    "review: people must decide",
    "escalate: it goes to people of higher standing",
    "revise: it goes back to its proposer",
    "block: it is blocked",
  ]);
  assert.deepEqual(section("policy", bare([]), { ...empty, holds: ["freeze"] }).items, [
    { kind: "fact", label: "held by", text: "freeze" },
  ]);
});

test("[PL-28] who must sign, and who may not", () => {
  const of = (people: Partial<Record<"author" | "proposer" | "onBehalfOf", string>>, seats = [seat("a")]) =>
    section("signers", bare([], { proposal: people as Record<string, PrincipalId> }), { ...empty, seats });
  const note = (people: Parameters<typeof of>[0]): string => {
    const last = of(people).items.at(-1);
    return last?.kind === "note" ? last.text : "";
  };
  const [ada, bot, bo] = ["human:ada", "agent:bot", "human:bo"];
  assert.equal(note({ author: ada, proposer: ada, onBehalfOf: ada }), "Not human:ada: it is their change.");
  assert.equal(note({ author: bot, proposer: bot, onBehalfOf: ada }), "Not agent:bot, nor human:ada: they asked for it.");
  assert.equal(note({ author: ada, proposer: bot, onBehalfOf: ada }), "Not agent:bot, nor human:ada: they asked for it.");
  assert.equal(note({ author: bo, proposer: ada, onBehalfOf: ada }), "Not human:ada: it is their change. Nor human:bo, who revised it.");
  assert.equal(of({}, [seat("a")]).answer, "one person");
  assert.equal(of({}, [seat("a", { count: 2 })]).answer, "2 people");
  assert.deepEqual(of({}, []).items, []);
});

test("[PL-32] findings about the request stand with the request, and the gravest first", () => {
  const finding = (code: string, severity: Finding["severity"]): Finding => ({ code, severity, message: code, provenance: "derived" });
  const found = [
    finding("scope.x", "info"),
    finding("claim.x", "warning"),
    finding("text.x", "info"),
    finding("git.scope.x", "info"),
    finding("git.b", "refused"),
  ];
  const plan = { ...bare([]), findings: found };
  const codes = (id: SectionId): string[] => section(id, plan).items.flatMap((item) => (item.kind === "finding" ? [item.code] : []));
  assert.deepEqual(codes("asked"), ["claim.x", "scope.x", "text.x"]);
  assert.deepEqual(codes("changes"), ["git.scope.x"]);
  assert.deepEqual(
    present(plan, empty).alerts.map(({ code }) => code),
    ["git.b"],
  );
});

test("[PL-36] each kind of thing has its line", () => {
  const one = (n: number) => ({ kind: "json", value: n }) as const;
  const fields = [{ path: "p" }, { path: "q", before: one(1), after: one(1) }, { path: "r", before: one(2) }];
  const undo: Undo = { kind: "impossible", text: "gone", provenance: "unknown" };
  const plan = bare([effect("a", { owners: [], surfaces: ["pay", "auth"], summary: "s", fields })], { step: { undo } });
  const who = [
    { kind: "role", role: "x" },
    { kind: "person", person: "bo" as PersonId },
  ] as const;
  const shown = plain(plan, {
    route: {
      ...empty,
      holds: ["freeze"],
      reasons: [{ rule: "r1", outcome: "review", text: "because" }],
      instructions: [{ rule: "r2", code: "split", message: "split it", resource: "git:shop#a" }],
      seats: [seat("ops", { who: [] }), seat("two", { count: 2, channels: [], strength: "passkey", who })],
    },
  });
  const has = (line: string): void => assert.ok(shown.includes(line), `${line}\n${shown.join("\n")}`);
  has("● derived file in git:shop, main · touches auth, pay · owner unknown");
  has("p changes; the value is not stated");
  has("q 1 unchanged");
  has("r 2 → nothing");
  has("held by freeze");
  has("review because r1");
  has("to mend split it split by r2");
  has("git:shop#a");
  has("? unknown gone impossible");
  has("It cannot be undone.");
  has("□ ops 1 of: nobody session · by console, cli");
  has("□ two 2 of: role x, or bo passkey");
});

test("[PL-38] findings say their weight and how they are known", () => {
  const finding = (severity: Finding["severity"]): Finding => ({
    code: `git.${severity}`,
    severity,
    message: `m ${severity}`,
    provenance: "claimed",
  });
  const shown = plain({
    ...bare([]),
    findings: [{ ...finding("refused"), remedy: "mend" }, finding("danger"), finding("warning"), finding("info")],
  });
  for (const line of [
    "▌ REFUSED m refused",
    "▌ ◌ claimed · git.refused · mend",
    "▌ DANGER m danger",
    "WARNING m warning",
    "NOTE m info",
    "◌ claimed · git.info",
  ])
    assert.ok(shown.includes(line), `${line}\n${shown.join("\n")}`);
});

test("[PL-39] votes and rules as of now", () => {
  const rule: RuleTrace = {
    rule: "r",
    outcome: "auto",
    fired: true,
    when: "w",
    reason: "",
    parts: [
      { text: "w", value: true },
      { text: "v", value: "x" },
    ],
  };
  const shown = plain(samplePlan(), {
    route: { ...empty, seats: [seat("a", { count: 2 })] },
    context: {
      votes: [
        { seat: "a", text: "bo approved", approves: true },
        { seat: "a", text: "cy approved", approves: true },
        { seat: "b", text: "never shown", approves: true },
      ],
      trace: [rule, { ...rule, rule: "s", fired: false, skipped: true }],
    },
  });
  const from = shown.findIndex((line) => line.startsWith("As of now"));
  assert.deepEqual(shown.slice(from + 2, from + 9), ["fired r auto", "w", 'v = "x"', "cannot match s auto", "w", 'v = "x"', ""]);
  assert.ok(shown.some((line) => line.startsWith("■ a 2 of: group a")));
  assert.ok(!shown.includes("never shown"));
  assert.ok(!plain(samplePlan()).some((line) => line.startsWith("As of now")));
});

test("[PL-37] each outcome, weight and reversal has its colour", () => {
  const code = (plan: Plan, route: Route, text: string): string | undefined => {
    const line = lines(plan, { route, color: true }).find((one) => one.includes(`m${text}\u001B[0m`));
    return line
      ?.slice(0, line.indexOf(`m${text}\u001B[0m`))
      .split("\u001B[")
      .at(-1);
  };
  const outcomes = ["AUTO", "REVIEW", "ESCALATE", "REVISE", "BLOCK"];
  assert.deepEqual(
    outcomes.map((word) => code(bare([]), { ...empty, outcome: word.toLowerCase() as Outcome }, word)),
    ["1;32", "1;33", "1;35", "1;35", "1;31"],
  );
  const kinds = { create: "1;32", update: "1;33", send: "1;35", delete: "1;31" } as const;
  for (const [kind, sgr] of Object.entries(kinds))
    assert.equal(code(bare([effect("a", { kind: kind as "send" })]), empty, kind.toUpperCase()), sgr);
  const reversals = {
    compensable: ["33", "can be made good, not reversed"],
    irreversible: ["31", "cannot be undone"],
    unknown: ["35", "nobody knows whether it can be undone"],
  } as const;
  for (const [reversibility, [sgr, words]] of Object.entries(reversals))
    assert.equal(code(bare([effect("a", { reversibility: reversibility as "unknown" })]), empty, words), sgr);
  const hows = { attested: ["32", "✓ attested"], claimed: ["33", "◌ claimed"], unknown: ["35", "? unknown"] } as const;
  for (const [provenance, [sgr, words]] of Object.entries(hows))
    assert.equal(
      code({ ...bare([]), evidence: [{ topic: "t", text: "x", provenance: provenance as "claimed", source: "s" }] }, empty, words),
      sgr,
    );
});

test("[PL-36] a terminal narrower than 48 or wider than 160 columns is taken for that", () => {
  const widest = (width: number): number =>
    Math.max(
      ...renderText(present(samplePlan(), sampleRoute), { width, color: false })
        .split("\n")
        .map((line) => line.length),
    );
  assert.deepEqual([widest(1), widest(48.9), widest(160), widest(500)], [48, 48, 160, 160]);
});

test("[PL-28] what contradicts a claim leaves the request inside its scope; what is assumed is open too", () => {
  const finding: Finding = { code: "claim.x", severity: "warning", message: "m", provenance: "derived" };
  const plan = { ...bare([]), findings: [finding], unverified: [], assumptions: [] };
  assert.equal(section("asked", plan).answer, "yes, all of it");
  const said: Statement = { topic: "t", text: "x", provenance: "claimed", source: "s" };
  assert.equal(section("unchecked", { ...plan, unverified: [said], assumptions: [said] }).answer, "2 open points");
  const two = bare([effect("a", { environment: "x" }), effect("a", { environment: "y" })]);
  assert.equal(section("reach", two).answer.split(" · ")[0], "2 environments");
});

test("[PL-36] who proposes for themselves is named once; a statement of several lines keeps them", () => {
  const ada = "human:ada" as PrincipalId;
  const own = plain(bare([], { proposal: { author: ada, proposer: ada, onBehalfOf: ada } }));
  assert.ok(own.includes("proposed by human:ada chg_01k9a7q2m4"), own.join("|"));
  const said: Statement = { topic: "t", text: "first\nsecond", provenance: "derived", source: "s" };
  const shown = plain({ ...bare([]), evidence: [said] });
  const at = shown.indexOf("● derived first s");
  assert.deepEqual(shown.slice(at, at + 2), ["● derived first s", "second"]);
  const instructed = plain(bare([]), { route: { ...empty, instructions: [{ rule: "r", code: "c", message: "m" }] } });
  assert.equal(instructed[instructed.indexOf("to mend m c by r") + 1], "");
});

test("[PL-39] a vote against fills no seat and is red; facts alone are a section of their own", () => {
  const votes = [{ seat: "a", text: "bo rejected", approves: false }];
  const given = { route: { ...empty, seats: [seat("a")] }, context: { votes, facts: [{ label: "now", text: "late" }] } };
  const shown = plain(bare([]), given);
  assert.ok(shown.includes("□ a 1 of: group a session · by console, cli") && shown.includes("now late"));
  assert.ok(lines(bare([]), { ...given, color: true }).some((line) => line.includes("\u001B[31mbo rejected")));
  const trace: RuleTrace = { rule: "r", outcome: "auto", fired: false, when: "w", reason: "", parts: [], error: "e" };
  const one = lines(bare([]), { context: { facts: [{ label: "l", text: "t" }], trace: [trace] }, color: true });
  assert.ok(one.some((line) => line.includes("As of now")) && one.some((line) => line.includes("\u001B[31me\u001B[0m")));
  const gone = lines(bare([], { step: { undo: { kind: "impossible", text: "t", provenance: "derived" } } }), { color: true });
  assert.ok(gone.some((line) => line.includes("\u001B[1;31mIt cannot be undone.")));
});
