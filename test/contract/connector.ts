/** What every connector promises, whatever system it writes to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Connector } from "../../src/control/ports.ts";
import { digestOf } from "../../src/core/base/index.ts";
import type { Digest, Json } from "../../src/core/base/index.ts";

export interface ConnectorCase {
  readonly connector: Connector;
  /** An input that can be admitted, planned, applied and undone. */
  readonly input: Json;
}

const LIMITS = { timeoutMillis: 60_000 };
const GARBAGE: readonly Json[] = [
  null,
  true,
  0,
  -1,
  "",
  "x",
  "\ud800",
  [],
  [[]],
  {},
  { "": null },
  JSON.parse('{"__proto__":{"a":1}}') as Json,
  { repository: {}, branch: [], patch: 1 },
  { a: "x".repeat(100_000) },
];
const OTHER = `sha256:${"0".repeat(64)}` as Digest;

export function connectorContract(name: string, open: (t: TestContext) => Promise<ConnectorCase> | ConnectorCase): void {
  test(`${name}: admitting is total, and each refusal says what to do`, async (t) => {
    const { connector } = await open(t);
    for (const input of GARBAGE) {
      const answer = await connector.admit(input);
      assert.ok(!answer.ok && answer.error.length > 0, JSON.stringify(input).slice(0, 80));
      for (const refusal of answer.error) assert.ok(refusal.code !== "" && refusal.message !== "" && refusal.remedy !== undefined);
    }
  });

  test(`${name}: what was admitted is admitted again unchanged`, async (t) => {
    const { connector, input } = await open(t);
    const first = await connector.admit(input);
    assert.ok(first.ok);
    assert.deepEqual(await connector.admit(first.value.input), first);
  });

  test(`${name}: planning twice gives the same plan and payload, and the payload's digest is in the plan`, async (t) => {
    const { connector, input } = await open(t);
    const [first, second] = [await connector.analyse(input, LIMITS), await connector.analyse(input, LIMITS)];
    assert.ok(first.ok && second.ok);
    assert.deepEqual(second.value, first.value);
    assert.equal(first.value.analysis.step.payloadDigest, digestOf(first.value.payload));
    assert.ok(first.value.freshForMillis > 0);
    assert.ok(first.value.analysis.step.effects.length > 0);
  });

  test(`${name}: [B12] what is observed is the state that the plan was made from`, async (t) => {
    const { connector, input } = await open(t);
    const planned = await connector.analyse(input, LIMITS);
    assert.ok(planned.ok);
    const seen = await connector.observe(planned.value.payload, LIMITS);
    assert.ok(seen.ok);
    assert.equal(seen.value.stateDigest, planned.value.analysis.step.stateDigest);
  });

  test(`${name}: [B12] another expected state is refused before anything is touched`, async (t) => {
    const { connector, input } = await open(t);
    const planned = await connector.analyse(input, LIMITS);
    assert.ok(planned.ok);
    const applied = await connector.apply(planned.value.payload, OTHER, LIMITS);
    assert.ok(!applied.ok);
    assert.deepEqual([applied.error.code, applied.error.effect], ["stale_state", "none"]);
    const seen = await connector.observe(planned.value.payload, LIMITS);
    assert.ok(seen.ok && seen.value.stateDigest === planned.value.analysis.step.stateDigest);
  });

  test(`${name}: [B11] a payload that is not a payload is refused before anything is touched`, async (t) => {
    const { connector, input } = await open(t);
    const planned = await connector.analyse(input, LIMITS);
    assert.ok(planned.ok);
    const { payload, analysis } = planned.value;
    for (const bytes of [
      new Uint8Array(),
      payload.subarray(1),
      Buffer.concat([payload, Buffer.from(" ")]),
      Buffer.from("{}"),
      Buffer.from('{"schema":"x"}'),
    ]) {
      const applied = await connector.apply(bytes, analysis.step.stateDigest, LIMITS);
      assert.ok(!applied.ok && applied.error.effect === "none");
      assert.ok(!(await connector.observe(bytes, LIMITS)).ok);
    }
  });

  test(`${name}: applied, the state is another and verifies; undone, it is what it was`, async (t) => {
    const { connector, input } = await open(t);
    const planned = await connector.analyse(input, LIMITS);
    assert.ok(planned.ok);
    const { payload, analysis } = planned.value;
    const before = analysis.step.stateDigest;
    const observed = async (): Promise<Digest> => {
      const seen = await connector.observe(payload, LIMITS);
      assert.ok(seen.ok);
      return seen.value.stateDigest;
    };
    const applied = await connector.apply(payload, before, LIMITS);
    assert.ok(applied.ok, applied.ok ? "" : applied.error.message);
    assert.notEqual(await observed(), before);
    assert.ok((await connector.verify(payload, applied.value, LIMITS)).ok);
    assert.ok(!(await connector.apply(payload, before, LIMITS)).ok, "a second application finds another state");
    const undone = await connector.undo(payload, applied.value, LIMITS);
    assert.ok(undone.ok, undone.ok ? "" : undone.error.message);
    assert.equal(await observed(), before);
  });

  test(`${name}: past its time it says so, and promises nothing that it does not know`, async (t) => {
    const { connector, input } = await open(t);
    const planned = await connector.analyse(input, LIMITS);
    assert.ok(planned.ok);
    const ended = { timeoutMillis: 60_000, signal: AbortSignal.abort() };
    assert.ok(!(await connector.analyse(input, ended)).ok);
    assert.ok(!(await connector.observe(planned.value.payload, ended)).ok);
    const applied = await connector.apply(planned.value.payload, planned.value.analysis.step.stateDigest, ended);
    assert.ok(!applied.ok && applied.error.effect === "none");
  });
}
