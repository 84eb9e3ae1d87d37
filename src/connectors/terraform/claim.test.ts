import assert from "node:assert/strict";
import { test } from "node:test";
import { standsFor } from "../../core/plan/index.ts";
import { analysePlan } from "./analyse-plan.ts";
import { claimOf } from "./claim.ts";

const KEY = new Uint8Array(32).fill(3);
const SECRET = "hunter2-secret\nsecond line";
const resource = (address: string, after: unknown, sensitive: unknown, actions = ["create"]): object => ({
  address,
  mode: "managed",
  type: address.split(".")[0],
  change: { actions, before: null, after, after_unknown: {}, before_sensitive: false, after_sensitive: sensitive },
});
const planOf = (resources: readonly object[]): Uint8Array =>
  Buffer.from(JSON.stringify({ format_version: "1.2", terraform_version: "1.11.4", planned_values: {}, resource_changes: resources }));
const analysed = (bytes: Uint8Array, effects = 5_000) =>
  analysePlan({
    bytes,
    system: "terraform:net/default",
    environment: "production",
    provenance: "derived",
    secretKey: KEY,
    limits: { effects, characters: 1e6 },
  });

const ECHOES = planOf([
  resource("a.marks", { password: SECRET }, { password: true }),
  resource("b.echoes", { url: `db://u:${SECRET}@h`, policy: JSON.stringify({ p: SECRET }), map: { [`k-${SECRET}`]: 1 } }, {}),
]);

test("[TF-7] [TF-12] [K78] a sensitive value that a claimed plan repeats elsewhere is not stored", () => {
  const kept = claimOf(ECHOES, KEY);
  assert.ok(kept.ok);
  assert.ok(!JSON.stringify(kept.value).includes("hunter2"));
});

test("[TF-12] [K78] a sensitive value is not shown as the key of a map, nor inside a JSON text", () => {
  const read = analysed(ECHOES);
  assert.ok(read.ok && read.value.effects.length === 2);
  assert.ok(!JSON.stringify(read.value).includes("hunter2"));
});

test("[TF-16] what is not listed counts as what it is, with the surfaces of all of it", () => {
  const harmless = Array.from({ length: 10 }, (_, i) => resource(`a.d${i}`, null, {}, ["delete"]));
  const hidden = Array.from({ length: 7 }, (_, i) => resource(`aws_iam_role.r${i}`, null, {}, ["delete"]));
  const read = analysed(planOf([...harmless, ...hidden]), 10);
  assert.ok(read.ok);
  const rest = read.value.effects.at(-1);
  assert.ok(rest !== undefined);
  assert.deepEqual([rest.kind, rest.environment, standsFor(rest), rest.surfaces], ["delete", "production", 7, ["auth"]]);
});
