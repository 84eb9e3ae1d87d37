import assert from "node:assert/strict";
import test from "node:test";
import { canonical, digestOf, ok, type Json } from "../../core/base/index.ts";
import { bundleText } from "../../testing/policy.ts";
import { people } from "../../testing/people.ts";
import type { Analysed } from "../../control/ports.ts";
import { pawlConnector, type ConfigKind } from "./index.ts";

const LIMITS = { timeoutMillis: 60_000 };
const connectorOn = (text: string): ReturnType<typeof pawlConnector> =>
  pawlConnector({ current: async () => ({ digest: digestOf(text), text }), replace: async () => ok(undefined) });

async function analysed(kind: ConfigKind, before: string, after: string): Promise<Analysed["analysis"]> {
  const plan = await connectorOn(before).analyse({ kind, text: after }, LIMITS);
  assert.ok(plan.ok, plan.ok ? "" : plan.error.message);
  return plan.value.analysis;
}

const cased = (count: number, outcome: string, when = "true"): string =>
  bundleText(
    Array.from({ length: 40 }, () => ({ when })),
    {
      cases: Array.from({ length: count }, (_, i) => ({
        name: `c${i}`,
        facts: { effects: Array.from({ length: 20 }, () => ({})) },
        expect: { outcome },
      })),
    },
  );

test("[PW-1] what is no policy and no directory is refused, and a fault of the text says where it stands", async () => {
  const connector = connectorOn("");
  const inputs: readonly Json[] = [
    { kind: "grants", text: "" },
    { kind: "policy" },
    { kind: "policy", text: "x".repeat(600_000) },
    { kind: "policy", text: "", more: 1 },
  ];
  for (const input of inputs) assert.equal((await connector.admit(input)).ok, false);
  const policy = await connector.admit({ kind: "policy", text: bundleText([{ when: "nonsense" }]) });
  assert.deepEqual(!policy.ok && policy.error.map(({ where }) => where), ["/text rules[0].when"]);
  assert.equal((await connector.admit({ kind: "directory", text: '{"persons":[]}' })).ok, false);
});

test("[PW-2] a policy whose cases fail or are too costly is refused, with a bounded number of reasons", async () => {
  const connector = connectorOn("");
  const refused = async (text: string): Promise<readonly string[]> => {
    const answer = await connector.admit({ kind: "policy", text });
    return answer.ok ? [] : answer.error.map(({ message }) => message);
  };
  assert.deepEqual(await refused(cased(3, "review")), []);
  assert.equal((await refused(cased(150, "auto"))).length, 100);
  const nested = "effects.all(a, effects.all(b, effects.all(c, effects.all(d, effects.all(e, effects.all(f, true))))))";
  const costly = await refused(cased(10, "review", nested));
  assert.equal(costly.length, 10);
  assert.match(costly[0] ?? "", /got "too costly: /);
});

test("[PW-2] cases are run once: a plan of a text that was admitted trusts them", async () => {
  const { evidence } = await analysed("policy", bundleText([]), cased(1, "auto"));
  assert.deepEqual(
    evidence.map(({ text }) => text),
    ["the policy loads, and its cases passed when it was proposed"],
  );
});

test("[PW-3] [PW-4] a policy weakened under the same ids shows its whole difference, and what is weaker", async () => {
  const guard = { id: "pawl", outcome: "block", when: '"pawl" in summary.surfaces' };
  const before = bundleText([guard], { surfaces: [{ name: "pawl", tags: ["pawl"] }] });
  const { step, findings } = await analysed("policy", before, bundleText([{ ...guard, when: "false" }]));
  assert.deepEqual(
    step.effects.map(({ kind, resource, detail }) => [kind, resource, detail.kind]),
    [["replace", "pawl:policy", "diff"]],
  );
  assert.deepEqual(
    findings.map(({ code, severity }) => `${severity} ${code}`),
    ["danger pawl.rule_condition", "danger pawl.surface_removed"],
  );
});

test("[PW-5] [PW-6] a directory's plan has an effect for each person, and its findings", async () => {
  const renamed = { ...people, persons: people.persons.map((one) => ({ ...one, name: `${one.name}!` })) };
  const { step, findings } = await analysed("directory", canonical(people), canonical(renamed));
  assert.equal(step.effects.length, 1 + people.persons.length);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ["pawl.no_admin"],
  );
});

test("[PW-7] what is in force and cannot be read is not compared, and a finding says so", async () => {
  for (const [kind, after] of [
    ["policy", bundleText([])],
    ["directory", canonical(people)],
  ] as const) {
    const { findings } = await analysed(kind, "[", after);
    assert.deepEqual(
      findings.map(({ code, severity }) => `${severity} ${code}`),
      ["danger pawl.not_compared"],
    );
  }
});
