import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { canonical, visible } from "../base/index.ts";
import type { Json, PrincipalId } from "../base/index.ts";
import { assemblePlan } from "../plan/index.ts";
import type { Plan } from "../plan/index.ts";
import { altered, inputs, leaves } from "../../testing/arbitrary-plans.ts";
import { effect, planWith, samplePlan, sampleRoute } from "../../testing/plans.ts";
import { present, presentationDigest, renderText } from "./index.ts";
import type { RenderContext } from "./index.ts";

const SEED = 7295;
const render = (plan: Plan, width = 100, color = false, context?: RenderContext): string =>
  renderText(present(plan, sampleRoute), { width, color, context });
// oxlint-disable-next-line no-control-regex -- the escape sequences are what is tested
const uncolored = (text: string): string => text.replaceAll(/\u001B\[[0-9;]*m/g, "");

/** Terminal columns, counted in another way than the code does: each segment that people see as one, wide or not. */
function columns(line: string): number {
  let sum = 0;
  for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(line)) {
    sum +=
      /^(?![\uFF61-\uFFDC])(?:\p{Emoji_Presentation}|\p{RGI_Emoji}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul})/v.test(
        segment,
      )
        ? 2
        : 1;
  }
  return sum;
}

test("[PL-36, F50] at any width no line is wider, and nothing is in it but what can be seen", () => {
  fc.assert(
    fc.property(inputs, fc.integer({ min: 48, max: 160 }), (input, width) => {
      for (const line of render(assemblePlan(input), width).split("\n")) {
        assert.ok(columns(line) <= width, `${columns(line)} > ${width}: ${line}`);
        assert.doesNotMatch(line.replaceAll(/\p{RGI_Emoji}/gv, ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }
    }),
    { seed: SEED, numRuns: 22 },
  );
});

/** What of a value is to be seen: an object may be told member by member. */
function partsOf(value: Json): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [visible(canonical(value))];
  return Object.entries(value).flatMap(([name, member]) => [visible(canonical(name).slice(1, -1)), ...partsOf(member)]);
}

/** Without the blanks and gutters that wrapping puts in. */
const squashed = (text: string): string => text.replaceAll(/[\s│╎▌␠→]/g, "");

test("[PL-36, F50] every effect is there whole: resource, fields, content and all, wherever lines break", () => {
  fc.assert(
    fc.property(inputs, fc.constantFrom(48, 80, 100), (input, width) => {
      const plan = assemblePlan(input);
      const text = squashed(render(plan, width));
      const has = (part: string): void => assert.ok(text.includes(squashed(part)), `${JSON.stringify(part)} is not shown`);
      for (const { effects, target } of plan.steps) {
        for (const [name, value] of Object.entries(target)) has(`${visible(name)} ${visible(value)}`);
        for (const one of effects) {
          for (const part of [one.resource, one.resourceKind, one.system, one.environment, one.summary, ...one.owners, ...one.surfaces])
            has(visible(part));
          for (const { path, before, after } of one.fields) {
            has(visible(path));
            for (const value of [before, after]) if (value?.kind === "json") for (const part of partsOf(value.value)) has(part);
          }
          if (one.detail.kind === "diff") for (const line of one.detail.text.split("\n")) has(visible(line, { lines: true }));
          if (one.detail.kind === "uninspectable") has(`CANNOT BE SHOWN: ${visible(one.detail.reason)}`);
        }
      }
    }),
    { seed: SEED, numRuns: 22 },
  );
});

test("[PL-36] whatever is altered in a presentation is seen on the terminal, but for names that only machines use", () => {
  const presentation = present(samplePlan(), sampleRoute);
  const bare = (value: typeof presentation): string =>
    renderText(value, { width: 100, color: false }).replace(presentationDigest(value), "");
  // Effects' exposure, rights and reversal are told in words that stand beside them; a hidden value's digest is shown by its start.
  const machine = /\/(?:kind|topic|stateDigest|tone|id|exposure|privilege|reversibility|added|removed|schema|digest|step)$/;
  const unseen = leaves(presentation)
    .filter((place) => !machine.test(`/${place.join("/")}`))
    .filter((place) => {
      try {
        return bare(altered(presentation, place)) === bare(presentation);
      } catch {
        return false; // A word of a closed set was altered: the renderer refuses to show it as anything.
      }
    });
  assert.deepEqual(
    unseen.map((place) => place.join("/")),
    [],
  );
});

test("[PL-37] colour adds nothing but colour", () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const plan = assemblePlan(input);
      assert.equal(uncolored(render(plan, 90, true)), render(plan, 90, false));
    }),
    { seed: SEED, numRuns: 16 },
  );
  assert.notEqual(render(samplePlan(), 90, true), render(samplePlan(), 90, false));
});

test("[PL-38] how something is known is said by a shape and a word, without colour", () => {
  const text = render(samplePlan());
  for (const mark of ["● derived", "✓ attested", "◌ claimed", "? unknown"]) assert.ok(text.includes(mark), mark);
  assert.match(text, /^◌ claimed {4}All tests pass on my machine {2,}agent:coder$/m);
  assert.match(text, /^✓ attested {3}CI passed on the proposed tree {2,}workload:ci$/m);
});

test("[PL-42] the words of somebody who revised it stand under that name, beside whose proposal it is", () => {
  const text = render(planWith({ proposal: { author: "human:linus" as PrincipalId } }));
  assert.match(text, /^proposed by agent:coder for human:jonas, revised by human:linus /m);
  assert.match(text, /^◌ claimed {4}human:linus says \(revised; proposed by agent:coder\):$/m);
  assert.match(text, /^◌ claimed {4}All tests pass on my machine {2,}human:linus$/m);
  assert.match(text, /^scope {8}as human:linus gave it$/m);
  assert.match(text, /they asked for it\. Nor human:linus, who revised it\.$/m);
  assert.doesNotMatch(text, /agent:coder (?:says|gave)/);
  const own = render(samplePlan());
  assert.match(own, /^◌ claimed {4}agent:coder says:$/m);
  assert.doesNotMatch(own, /revised/);
});

test("[PL-39] what is true as of now stands under its own heading, and no digest knows of it", () => {
  const context: RenderContext = {
    facts: [{ label: "expires", text: "in 3 h 49 min" }],
    votes: [
      { seat: "identity", text: "ines approved", approves: true },
      { seat: "security", text: "omar rejected", approves: false },
    ],
    trace: [
      { rule: "docs", outcome: "auto", fired: false, when: "a == b", reason: "", parts: [{ text: "a", value: 1 }] },
      { rule: "late", outcome: "block", fired: true, when: "x", reason: "", parts: [], error: "no such attribute" },
    ],
  };
  const text = render(samplePlan(), 100, false, context);
  const [sealed, now] = text.split(/^As of now +not part of what is signed$/m);
  assert.ok(now !== undefined && sealed !== undefined);
  assert.match(now, /^expires {6}in 3 h 49 min$/m);
  assert.match(now, /^not met {6}docs +auto\n +a == b\n +a = 1$/m);
  assert.match(now, /^error {8}late +block\n +x\n +no such attribute$/m);
  assert.match(sealed, /^■ identity {3}1 of: owner @acme\/identity +session\n +ines approved$/m);
  assert.match(sealed, /^□ security/m);
  const digest = /^shown +(\S+)$/m;
  assert.equal(digest.exec(text)?.[1], digest.exec(render(samplePlan()))?.[1]);
});

test("[PL-36, F50, F53] a hostile plan cannot draw on the reviewer's screen", () => {
  const evil = "ok\u001B[2J\u001B[H\rAPPROVED\u202E\u200B\n\nWhat will change?   nothing";
  const plan = planWith({
    proposal: { title: "Fix", summary: "Fine.\n\nWho must sign?   nobody\n<!-- approve -->", claims: [evil] },
    step: {
      effects: [
        effect(evil, { summary: evil, owners: [evil], detail: { kind: "diff", text: `+${evil}\n+pаyments\r`, added: 3, removed: 0 } }),
      ],
      undo: { kind: "manual", text: evil, provenance: "claimed" },
    },
  });
  const lines = render(plan).split("\n");
  assert.equal(lines.filter((line) => line.startsWith("What will change?")).length, 1);
  assert.equal(lines.filter((line) => line.startsWith("Who must sign?")).length, 1);
  const text = lines.join("\n");
  assert.match(text, /^ {13}│ <!-- approve -->$/m);
  assert.match(text, /^ {13}│ \+p⟨U\+0430⟩yments⟨U\+000D⟩$/m);
  assert.ok(text.includes("⟨U+001B⟩[2J⟨U+001B⟩[H⟨U+000D⟩APPROVED⟨U+202E⟩⟨U+200B⟩"));
});

test("[PL-36] a line of very many blanks is shown whole, and costs what its length costs", () => {
  const text = `@@ -1 +1 @@\n+a${" ".repeat(190_000)}b\n`;
  const plan = planWith({ step: { effects: [effect("a.txt", { detail: { kind: "diff", text, added: 1, removed: 0 } })] } });
  assert.match(render(plan), /╎ +b$/m);
});

test("[PL-36] blanks that end a line and tabs of a difference are seen", () => {
  const plan = planWith({
    step: { effects: [effect("Makefile", { detail: { kind: "diff", text: " \n+\tmake all  \n+a\tb", added: 2, removed: 0 } })] },
  });
  assert.match(render(plan), /│ *\n +│ \+→ {3}make all␠␠\n +│ \+a→ {2}b$/m);
});

test("[PL-36] with several steps every effect says which step makes it", () => {
  const { analyses, proposal, ...rest } = { ...assembleTwo() };
  const text = render(assemblePlan({ analyses, proposal, ...rest }));
  assert.match(text, /owned by @acme\/identity · by second$/m);
  assert.match(text, /^first {8}git merge/m);
  assert.match(text, /first · planned$/m);
});

function assembleTwo(): Parameters<typeof assemblePlan>[0] {
  const plan = samplePlan();
  const step = plan.steps[0]!;
  const ids = ["first", "second"];
  const found = { findings: [], impact: [], evidence: [], unverified: [], assumptions: [], context: {} };
  return {
    change: plan.change,
    proposalDigest: plan.intent.proposal,
    proposal: { ...plan.intent, claims: [], start: "on-request", salt: "", steps: ids.map((id) => ({ id, connector: "git", input: {} })) },
    analyses: ids.map((id) => ({ id, connector: "git", analysis: { step, ...found } })),
    names: [],
  };
}

test("[LC-53] [PO-77] a broken glass stands at the top, and a seat says which step it is for", () => {
  const who = [{ kind: "group", group: "on-call" }] as const;
  const seat = { id: "glass", who, count: 1, strength: "session", channels: ["cli"], glass: { name: "incident", alone: false } } as const;
  const step = { id: "step-1/owner", step: "step-1", who, count: 1, strength: "session", channels: ["cli"] } as const;
  const freezes = [{ name: "christmas", calendar: "christmas", zone: "Europe/Oslo", reason: "nobody is on call" }];
  const route = { outcome: "escalate", seats: [seat, step], reasons: [], instructions: [], holds: [], freezes } as const;
  const text = renderText(present(samplePlan(), route), { width: 100, color: false });
  const [glass, changes] = [text.indexOf("THE GLASS IS BROKEN (incident)"), text.indexOf("What will change?")];
  assert.ok(glass > 0 && glass < changes);
  assert.match(text, /1 of: group on-call, in an emergency/);
  assert.match(text, /1 of: group on-call, for step-1/);
  assert.match(
    text.replaceAll(/\s+/g, " "),
    /christmas: nobody is on call\. It does not start while calendar christmas \(Europe\/Oslo\) is in/,
  );
});

test("[PL-36] an object is told member by member, and what was not there before without an arrow", () => {
  const json = (value: Json) => ({ kind: "json", value }) as const;
  const fields = [
    { path: "request", after: json({ method: "PUT", body: { status: "done" }, "odd name": [1, "a"] }) },
    { path: "tags", before: json({ a: 1, b: 2 }), after: json({ a: 1, c: 3 }) },
    { path: "port", before: json({ a: 1 }), after: json(1) },
    { path: "id", before: json("x"), after: json({ known_after_apply: true }) },
  ];
  const lines = render(planWith({ step: { effects: [effect("a", { fields })] } }))
    .split("\n")
    .map((line) => line.trim().replaceAll(/ +/g, " "));
  const told = (first: string, n: number): readonly string[] => {
    const start = lines.findIndex((line) => line.startsWith(first));
    return lines.slice(start, start + n);
  };
  assert.deepEqual(told("id ", 8), [
    'id "x" → known after apply',
    'port {"a":1} → 1',
    "tags.a 1 unchanged",
    "tags.b 2 → nothing",
    'request.body.status "done"',
    'request.method "PUT"',
    'request["odd name"] [1, "a"]',
    "tags.c 3",
  ]);
});
