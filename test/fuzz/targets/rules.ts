import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as fc from "fast-check";
import { canonical, digestOf, millis, type Json } from "../../../src/core/base/index.ts";
import { verifyGrant } from "../../../src/core/grant/index.ts";
import { loadDeclarations, runTests } from "../../../src/core/operation/index.ts";
import { parseProposal, planDigest, validatePlan } from "../../../src/core/plan/index.ts";
import { evaluate, explain, factsOf, loadBundle, runCases } from "../../../src/core/policy/index.ts";
import { present } from "../../../src/core/presentation/index.ts";
import { validateDirectory } from "../../../src/core/review/index.ts";
import { payloads, sealed, trust } from "../../../src/testing/grants.ts";
import { people } from "../../../src/testing/people.ts";
import { samplePlan } from "../../../src/testing/plans.ts";
import { facts } from "../../../src/testing/policy.ts";
import { bytesTarget, isRefusal, jsonTarget, mangled, mangledBytes, mangledJson, textTarget, type Target } from "../target.ts";

const examples = resolve(import.meta.dirname, "../../../examples");
const policies = ["policy/default.yaml"].map((name) => readFileSync(resolve(examples, name), "utf8"));
const operations = readFileSync(resolve(examples, "connectors/tickets-and-flags.yaml"), "utf8");
const small = `pawl: policy/v1\nname: small\nrules:\n  - id: one\n    outcome: auto\n    when: 'size(findings) == 0 && effects.all(e, glob(e.path, ["docs/**"]))'\n    reason: documentation\n`;
const YAML = ["&a ", "*a", "<<: ", "!!js/function ", "? ", "- - - ", "|\n", ">\n", "---\n", "{a: b", "outcome: auto", "%TAG", "\t"];
const WHEN = [
  "effects",
  "summary",
  ".all(e, ",
  ".exists(e, ",
  "matches(",
  '"(a+)+$"',
  " in ",
  "&&",
  "||",
  "?",
  "1/0",
  "9223372036854775807 + 1",
  "b'\\xff'",
  "[[[",
];
/** Ten names, each of which is ten of the one before. */
const bomb = fc.nat(8).map((levels) => {
  const names = Array.from(
    { length: levels + 1 },
    (_, n) => `l${n}: &l${n} [${n === 0 ? "x" : Array.from({ length: 10 }, () => `*l${n - 1}`).join(", ")}]`,
  );
  return `pawl: policy/v1\n${names.join("\n")}\n`;
});

const plan = samplePlan();
const now = {
  revision: 1,
  now: millis(1_800_000_000_000),
  parties: { proposer: plan.intent.proposer, onBehalfOf: plan.intent.onBehalfOf, owner: plan.intent.onBehalfOf },
};
const known = [facts(), factsOf(plan, now)];

/** Whatever is loaded decides, on every plan, the same twice, and never more kindly for being strange. */
function bundleHolds(text: string): void {
  const loaded = loadBundle(text);
  if (!loaded.ok) return isRefusal(loaded.error);
  for (const each of known) {
    const first = evaluate(loaded.value, each);
    assert.equal(evaluate(loaded.value, each).routeDigest, first.routeDigest);
    explain(first);
    const broken = first.trace.some(({ error }) => error !== undefined);
    if (broken) assert.notEqual(first.route.outcome, "auto");
  }
  runCases(loaded.value);
}

const whole = sealed();
const forged = canonical(whole);

const proposals = fc.constant({
  title: "Set a value",
  summary: "because",
  scope: { systems: ["shop"], operations: ["update"], resources: ["src/**"], limits: { effects: 5 } },
  steps: [{ id: "one", connector: "git", input: { repository: "shop", branch: "main", patch: "x", key: { $secret: "s" } } }],
  claims: ["tests pass"],
  start: "on-request",
  expires_in_seconds: 3600,
});

export const rules: readonly Target[] = [
  textTarget(
    "policy",
    fc.oneof({ weight: 5, arbitrary: mangled(fc.constantFrom(...policies, small, small), [...YAML, ...WHEN]) }, bomb),
    bundleHolds,
  ),
  textTarget("declarations", mangled(fc.constant(operations), [...YAML, "{before.status}", "{{", "/../", "compare: etag"]), (text) => {
    const declared = loadDeclarations(text);
    if (!declared.ok) return isRefusal(declared.error);
    for (const { passed, expected, actual } of runTests(declared.value)) assert.equal(passed, canonical(expected) === canonical(actual));
  }),
  textTarget(
    "condition",
    mangled(fc.constantFrom("size(effects) > 2", 'effects.exists(e, e.kind == "delete")', 'summary.surfaces.all(s, s != "auth")'), WHEN),
    (when) =>
      bundleHolds(
        `pawl: policy/v1\nname: small\nrules:\n  - id: one\n    outcome: auto\n    when: ${JSON.stringify(when)}\n    reason: documentation\n`,
      ),
  ),
  jsonTarget("proposal", mangledJson(proposals), (value) => {
    const parsed = parseProposal(value);
    if (!parsed.ok) isRefusal(parsed.error);
    else assert.ok(parsed.value.steps.length > 0);
  }),
  jsonTarget("plan", mangledJson(fc.constant(plan)), (value) => {
    const valid = validatePlan(value);
    if (!valid.ok) return isRefusal(valid.error);
    assert.equal(planDigest(valid.value), planDigest(JSON.parse(canonical(valid.value)) as typeof plan));
    const evaluated = evaluate(loadedDefault(), factsOf(valid.value, now));
    present(valid.value, evaluated.route);
  }),
  jsonTarget("directory", mangledJson(fc.constant(people)), (value) => {
    const valid = validateDirectory(value);
    if (!valid.ok) isRefusal(valid.error);
    else assert.deepEqual(validateDirectory(JSON.parse(canonical(valid.value)) as Json), valid);
  }),
  jsonTarget("grant", mangledJson(fc.constant(whole)), (value) => {
    const verified = verifyGrant(value, trust, payloads, millis(0));
    if (!verified.ok) return isRefusal(verified.error);
    assert.equal(digestOf(canonical(value)), digestOf(forged), "another envelope than the one that was sealed is believed");
  }),
  bytesTarget("grant-payload", mangledBytes(fc.constant(new Uint8Array(Buffer.from(whole.payload, "base64")))), (bytes) => {
    const payload = Buffer.from(bytes).toString("base64");
    const verified = verifyGrant({ ...whole, payload }, trust, payloads, millis(0));
    if (!verified.ok) isRefusal(verified.error);
    else assert.equal(payload, whole.payload);
  }),
];

const loaded = loadBundle(policies[0] ?? "");
function loadedDefault() {
  assert.ok(loaded.ok);
  return loaded.value;
}
