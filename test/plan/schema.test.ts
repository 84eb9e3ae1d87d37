/** The published schema is a file that others read; it says what the code does. `PAWL_UPDATE_GOLDEN=1` writes it anew. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import test from "node:test";
import { planJsonSchema } from "../../src/core/plan/index.ts";

const path = resolve(import.meta.dirname, "../../docs/spec/change-plan.v1.schema.json");

test("[PL-21] docs/spec/change-plan.v1.schema.json is the schema that the code checks with", () => {
  const made = planJsonSchema();
  if (process.env["PAWL_UPDATE_GOLDEN"] === "1") writeFileSync(path, `${JSON.stringify(made, undefined, 2)}\n`);
  assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), made);
});
