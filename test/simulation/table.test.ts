import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { STATUSES } from "../../src/testing/lifecycle.ts";
import { TRANSITIONS } from "../../src/testing/transitions.ts";

const spec = readFileSync(resolve(import.meta.dirname, "../../docs/spec/lifecycle.md"), "utf8");
const rows = spec
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim()));
const statusesIn = (cell: string): string[] => STATUSES.filter((status) => cell.includes(`\`${status}\``));

test("[LC-3] the table of the lifecycle is the one that is tested", () => {
  assert.deepEqual(
    rows.map((row) => row[1]),
    ["`propose`", ...TRANSITIONS.map(({ label }) => label)],
  );
  for (const { label, accepted, closer = {} } of TRANSITIONS) {
    const from = statusesIn(rows.find((row) => row[1] === label)?.[2] ?? "");
    const tested = STATUSES.filter((status) => accepted[status] !== undefined);
    // A status with a closer code may be one where the command is refused only as it is given in the matrix.
    for (const status of tested) assert.ok(from.includes(status), `${label} is accepted in ${status}, which the table does not say`);
    for (const status of from)
      assert.ok(tested.some((each) => each === status) || Object.hasOwn(closer, status), `${label} is not accepted in ${status}`);
  }
});

test("[LC-3] the table names every status a command leads to", () => {
  for (const { label, accepted } of TRANSITIONS) {
    const to = rows.find((row) => row[1] === label)?.[3] ?? "";
    for (const [from, status] of Object.entries(accepted)) {
      assert.ok(statusesIn(to).includes(status) || (to.includes("the same") && from === status), `${label} leads to ${status}`);
    }
  }
});
