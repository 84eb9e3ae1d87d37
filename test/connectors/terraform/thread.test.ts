import assert from "node:assert/strict";
import { test } from "node:test";
import { analysePlan } from "../../../src/connectors/terraform/analyse-plan.ts";
import { analyseApart } from "../../../src/connectors/terraform/thread.ts";

const inputOf = (count: number, broken = "") => {
  const change = (i: number) => ({
    actions: ["update"],
    before: { a: i },
    after: { a: i + 1 },
    after_unknown: {},
    before_sensitive: {},
    after_sensitive: {},
  });
  const resource_changes = Array.from({ length: count }, (_, i) => ({
    address: `x.y[${i}]`,
    type: "x",
    mode: "managed",
    change: change(i),
  }));
  const text = JSON.stringify({ format_version: "1.2", planned_values: {}, resource_changes });
  return {
    bytes: Uint8Array.from(Buffer.from(text.replace('"update"', broken === "" ? '"update"' : broken))),
    system: "s",
    environment: "e",
    provenance: "derived" as const,
    secretKey: new Uint8Array(32).fill(1),
  };
};

test("[TF-28] a large plan is read in a thread of its own, several one after the other, with the same outcome", async () => {
  const here = analysePlan(inputOf(3_000));
  const apart = await Promise.all([analyseApart(inputOf(3_000)), analyseApart(inputOf(3_000)), analyseApart(inputOf(3_000, '"explode"'))]);
  assert.deepEqual(apart.slice(0, 2), [here, here]);
  const [, , broken] = apart;
  assert.ok(broken !== undefined && !broken.ok && broken.error.code === "terraform_plan_malformed");
});
