import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { digestOf, type Json } from "../base/index.ts";
import {
  readAdmitted,
  readAnalysed,
  readDeclaration,
  readObserved,
  readPerformed,
  readRefusal,
  readRunnerCredential,
  readVerified,
  readWorks,
  toWire,
} from "./index.ts";

const READERS = { readAdmitted, readAnalysed, readObserved, readPerformed, readVerified, readRefusal, readWorks, readDeclaration };
const DIGEST = digestOf("a");
const NAMES = { system: "git:shop", environment: "production", resources: ["git:shop#a"] };
const LISTS = { findings: [], impact: [], evidence: [], unverified: [], assumptions: [] };
const ANALYSED = { analysis: { step: {}, context: { base: "0" }, ...LISTS }, payload: "aGk=", freshForMillis: 1 };

/** What each reader takes, and from it what it must not: a member less, a member more, a member of another kind. */
const WHOLE: readonly (readonly [keyof typeof READERS, Json])[] = [
  ["readAdmitted", { ok: { input: "a", names: NAMES } }],
  ["readAdmitted", { error: [{ code: "no", message: "no" }] }],
  ["readAnalysed", { ok: ANALYSED }],
  ["readObserved", { ok: { stateDigest: DIGEST, context: {} } }],
  ["readPerformed", { ok: { facts: {} } }],
  ["readVerified", { error: { code: "no", message: "no", inconclusive: true } }],
  ["readWorks", { work: [{ id: "wrk_1", kind: "run", change: "chg_000001" }] }],
  ["readDeclaration", { connectors: [{ name: "git", digest: DIGEST }], environments: ["production"], labels: [] }],
];

test("[RU-8] [RU-13] an answer is read whole or not at all, and nothing makes a reader throw", () => {
  for (const [name, value] of WHOLE) {
    assert.notEqual(READERS[name](value), undefined, name);
    for (const other of [null, 1, "text", [], {}, { ok: null }, { ...(value as object), more: 1 }] as Json[])
      assert.equal(READERS[name](other), undefined, `${name} takes ${JSON.stringify(other)}`);
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const read of Object.values(READERS)) read(value as Json);
      for (const read of Object.values(READERS)) read({ ok: value as Json });
    }),
    { seed: 16, numRuns: 300 },
  );
});

test("[RU-13] a fault that does not promise otherwise may have had an effect; only an explicit word says that it had none", () => {
  const effect = (error: Json): string => {
    const read = readPerformed({ error });
    return read?.ok === false ? read.error.effect : "unreadable";
  };
  assert.deepEqual(
    [
      { code: "a", message: "b" },
      { code: "a", message: "b", effect: "none" },
      { code: "a", message: "b", effect: "None" },
      { code: 1 },
    ].map((each) => effect(each as Json)),
    ["possible", "none", "possible", "unreadable"],
  );
});

test("[RU-8] what travels comes back, and a refusal is bounded on the way", () => {
  const refusal = { code: "a", message: "b".repeat(10_000), where: "c", remedy: "d", details: { e: 1 } };
  const read = readPerformed(JSON.parse(JSON.stringify(toWire({ ok: false, error: { ...refusal, effect: "none" } }))) as Json);
  assert.deepEqual(read, { ok: false, error: { ...refusal, message: "b".repeat(4_096), effect: "none" } });
});

test("[RU-2] a credential has one spelling", () => {
  const good = `Pawl-Runner runner=rnr_000001, epoch=1, time=2, nonce=${"0".repeat(32)}, body=${DIGEST}, signature=${"A".repeat(86)}==`;
  assert.notEqual(readRunnerCredential(good), undefined);
  for (const bad of [
    good.toLowerCase(),
    ` ${good}`,
    good.replace(", ", ","),
    good.replace("epoch=1", "epoch=1e3"),
    good.replace("A==", "B=="),
    good.replace("runner=rnr_", "runner=RNR_"),
  ])
    assert.equal(readRunnerCredential(bad), undefined, bad);
});
