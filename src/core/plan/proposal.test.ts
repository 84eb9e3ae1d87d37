import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import type { Json, JsonObject } from "../base/index.ts";
import { PROPOSAL_BOUNDS, momentsOf, parseProposal } from "./index.ts";

const SEED = 7295;
const minimal = { title: "Do it", steps: [{ connector: "git", input: { patch: "…" } }] };
const scope = { systems: ["git:shop"], environments: ["main"], operations: ["update"], resources: ["git:shop#**"] };

const faults = (raw: Json): readonly string[] => {
  const parsed = parseProposal(raw);
  return parsed.ok ? [] : parsed.error.map(({ code, where }) => `${code} ${where}`);
};

test("[PL-1] the least proposal is a title and one step; what is left out has one meaning", () => {
  const parsed = parseProposal(minimal);
  assert.deepEqual(parsed, {
    ok: true,
    value: {
      title: "Do it",
      summary: "",
      steps: [{ id: "step-1", connector: "git", input: { patch: "…" } }],
      claims: [],
      start: "when-authorised",
    },
  });
});

test("[PL-1] every member arrives under its own name", () => {
  const parsed = parseProposal({
    title: " Do it ",
    summary: "Because\nof this\n",
    on_behalf_of: "human:ada",
    scope: { ...scope, limits: { deletes: 0 } },
    steps: [
      { connector: "git", input: null },
      { connector: "sql", input: 1 },
    ],
    claims: ["no:delete"],
    start: "on-request",
    expires_in_seconds: 3600,
    supersedes: "chg_01k9a7q2m4",
  });
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value, {
    title: "Do it",
    summary: "Because\nof this",
    onBehalfOf: "human:ada",
    scope: { ...scope, limits: { deletes: 0 } },
    steps: [
      { id: "step-1", connector: "git", input: null },
      { id: "step-2", connector: "sql", input: 1 },
    ],
    claims: ["no:delete"],
    start: "on-request",
    expiresInSeconds: 3600,
    supersedes: "chg_01k9a7q2m4",
  });
});

test("[PL-1] all faults are told at once, each with its place", () => {
  const raw = {
    title: 7,
    steps: [{ connector: "Git", input: 1, extra: 1 }, "no"],
    start: "now",
    expires_in_seconds: 1.5,
    approved: true,
    claims: {},
  };
  assert.deepEqual(faults(raw), [
    "shape.wrong_type /title",
    "shape.bad_format /steps/0/connector",
    "shape.unknown_member /steps/0/extra",
    "shape.wrong_type /steps/1",
    "shape.not_a_choice /start",
    "shape.wrong_type /expires_in_seconds",
    "shape.unknown_member /approved",
    "shape.wrong_type /claims",
  ]);
  assert.deepEqual(faults([]), ["shape.wrong_type "]);
  assert.deepEqual(faults({}), ["shape.missing /title", "shape.missing /steps"]);
  assert.deepEqual(faults({ ...minimal, steps: [{ connector: "git", input: 1, "a/b~c": 1 }] }), ["shape.unknown_member /steps/0/a~1b~0c"]);
});

test("[PL-2] what is too long, too many or too few is refused", () => {
  const step = { connector: "git", input: {} };
  const { title, summary, steps, claims, claim, minExpirySeconds, maxExpirySeconds } = PROPOSAL_BOUNDS;
  const cases: readonly (readonly [JsonObject, string])[] = [
    [{ title: "😀".repeat(title + 1) }, "shape.too_long /title"],
    [{ title: "" }, "shape.too_short /title"],
    [{ title: "   " }, "shape.too_short /title"],
    [{ summary: "x".repeat(summary + 1) }, "shape.too_long /summary"],
    [{ steps: [] }, "shape.too_few /steps"],
    [{ steps: Array.from({ length: steps + 1 }, () => step) }, "shape.too_many /steps"],
    [{ claims: Array.from({ length: claims + 1 }, () => "x") }, "shape.too_many /claims"],
    [{ claims: ["x".repeat(claim + 1)] }, "shape.too_long /claims/0"],
    [{ expires_in_seconds: minExpirySeconds - 1 }, "shape.out_of_range /expires_in_seconds"],
    [{ expires_in_seconds: maxExpirySeconds + 1 }, "shape.out_of_range /expires_in_seconds"],
  ];
  for (const [part, fault] of cases) assert.deepEqual(faults({ ...minimal, ...part }), [fault]);
  assert.deepEqual(faults({ ...minimal, title: "😀".repeat(title) }), []);
});

test("[PL-60] a watch has a length and a rhythm, both bounded; without a rhythm it is looked at twenty times", () => {
  const watched = (watch: unknown) => {
    const parsed = parseProposal({ ...minimal, watch } as Json);
    return parsed.ok ? parsed.value.watch : parsed.error.map(({ code, where }) => `${code} ${where}`);
  };
  assert.deepEqual(watched({ seconds: 600, every_seconds: 7 }), { seconds: 600, everySeconds: 7 });
  assert.deepEqual(watched({ seconds: 600 }), { seconds: 600, everySeconds: 30 });
  assert.deepEqual(watched({ seconds: 5 }), { seconds: 5, everySeconds: 1 });
  assert.deepEqual(watched({ seconds: 86_400 }), { seconds: 86_400, everySeconds: 3_600 });
  assert.deepEqual(watched({ seconds: 0 }), ["shape.out_of_range /watch/seconds"]);
  assert.deepEqual(watched({ seconds: 86_401 }), ["shape.out_of_range /watch/seconds"]);
  assert.deepEqual(watched({ seconds: 10, every_seconds: 11 }), ["shape.out_of_range /watch/every_seconds"]);
  assert.deepEqual(watched({ seconds: 1_001, every_seconds: 1 }), ["shape.out_of_range /watch/every_seconds"]);
  assert.deepEqual(watched({ seconds: 1_000, every_seconds: 1 }), { seconds: 1_000, everySeconds: 1 });
  assert.deepEqual(watched({ every_seconds: 1 }), ["shape.missing /watch/seconds"]);
  assert.deepEqual(watched(60), ["shape.wrong_type /watch"]);
});

test("[PL-41] nobody names a step, since its name stands in the ledger for ever", () => {
  const named = { connector: "git", input: {}, id: "prod-password-is-hunter2" };
  assert.deepEqual(faults({ ...minimal, steps: [named, { ...named, id: "step-2" }] }), [
    "shape.unknown_member /steps/0/id",
    "shape.unknown_member /steps/1/id",
  ]);
});

test("[PL-3, F48, F50] words with control characters, of a decomposed form or with half a surrogate pair are refused", () => {
  assert.deepEqual(faults({ ...minimal, title: "a\nb" }), ["shape.bad_text /title"]);
  assert.deepEqual(faults({ ...minimal, title: "a\u001B[31mb" }), ["shape.bad_text /title"]);
  assert.deepEqual(faults({ ...minimal, summary: "a\rb" }), ["shape.bad_text /summary"]);
  assert.deepEqual(faults({ ...minimal, summary: "a\n\tb" }), []);
  assert.deepEqual(faults({ ...minimal, title: "cafe\u0301" }), ["shape.bad_text /title"]);
  assert.deepEqual(faults({ ...minimal, claims: ["\uD800"] }), ["shape.bad_text /claims/0"]);
});

test("[PL-4] a scope says all four lists, with patterns that can be compiled and operations that exist", () => {
  assert.deepEqual(faults({ ...minimal, scope: { systems: ["a"] } }), [
    "shape.missing /scope/environments",
    "shape.missing /scope/operations",
    "shape.missing /scope/resources",
  ]);
  assert.deepEqual(faults({ ...minimal, scope: { ...scope, resources: ["a***", "", "a\n"], operations: ["drop"] } }), [
    "shape.not_a_choice /scope/operations/0",
    "shape.bad_format /scope/resources/0",
    "shape.bad_format /scope/resources/1",
    "shape.bad_format /scope/resources/2",
  ]);
  assert.deepEqual(faults({ ...minimal, scope: { ...scope, limits: { deletes: -1, speed: 3 } } }), [
    "shape.out_of_range /scope/limits/deletes",
    "shape.not_a_choice /scope/limits/speed",
  ]);
});

test("[PL-5] no fault repeats a value: it could be a secret", () => {
  const canary = "canary-hunter2-canary";
  const raw: Json = {
    title: [canary],
    summary: { canary },
    on_behalf_of: canary.toUpperCase(),
    start: canary,
    supersedes: canary,
    expires_in_seconds: canary,
    claims: [`${canary}\n`],
    scope: { systems: [`${canary}***`], environments: canary, operations: [canary], resources: [], limits: { deletes: canary } },
    steps: [
      { id: `#${canary}`, connector: `${canary}!`, input: { password: { $secret: [canary] }, token: { $secret: canary, also: canary } } },
    ],
  };
  const parsed = parseProposal(raw);
  assert.ok(!parsed.ok);
  assert.equal(parsed.error.length, 15);
  assert.equal(JSON.stringify(parsed.error).includes("hunter2"), false);
});

test("[PL-1] no JSON at all makes the reader throw", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom("title", "steps", "scope", "claims", "start"), (value, member) => {
      parseProposal(value as Json);
      parseProposal({ ...minimal, [member]: value as Json });
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test("[LC-50] [LC-51] a schedule is a moment with an offset, each fault with its place, and an end after its beginning", () => {
  const body = { title: "later", steps: [{ connector: "git", input: {} }] };
  const places = (more: object) => {
    const read = parseProposal({ ...body, ...more });
    return read.ok ? [] : read.error.map(({ where }) => where);
  };
  const [early, late] = ["2026-12-24T22:00:00+01:00", "2026-12-25T06:00:00Z"];
  const read = parseProposal({ ...body, not_before: early, not_after: late });
  assert.ok(read.ok);
  assert.deepEqual(read.value.schedule, { notBefore: early, notAfter: late });
  assert.deepEqual(momentsOf(read.value.schedule), { notBefore: Date.parse(early), notAfter: Date.parse(late) });
  assert.deepEqual(momentsOf(), {});
  assert.deepEqual(places({ not_before: "2026-12-24T22:00:00", not_after: 7 }), ["/not_before", "/not_after"]);
  assert.deepEqual(places({ not_before: "2026-02-30T22:00:00Z" }), ["/not_before"]);
  assert.deepEqual(places({ not_before: late, not_after: early }), ["/not_after"]);
  assert.deepEqual(places({ not_before: early, not_after: early }), ["/not_after"]);
});
