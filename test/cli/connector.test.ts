/** `pawl connector` as somebody meets it who declares an operation. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folder, pawl } from "./world.ts";

const EXAMPLE = new URL("../../examples/connectors/tickets-and-flags.yaml", import.meta.url);

test("[OP-3] `pawl connector test FILE` runs the tests without a server, and ends with 1 when one fails", async (t) => {
  const cwd = await folder(t);
  copyFileSync(EXAMPLE, join(cwd, "good.yaml"));
  const good = await pawl({ cwd }, "connector", "test", "good.yaml");
  assert.deepEqual([good.code, good.err], [0, ""]);
  assert.match(good.out, /^✓ http\/tickets\/transition {2}a ticket moves, and back$/m);
  assert.match(good.out, /7 tests passed/);
  writeFileSync(join(cwd, "bad.yaml"), readFileSync(EXAMPLE, "utf8").replace("state: { percent: 5 }", "state: { percent: 6 }"));
  const bad = await pawl({ cwd }, "connector", "test", "bad.yaml");
  assert.equal(bad.code, 1);
  assert.match(bad.out, /✗ http\/flags\/roll-out {2}a number stays a number\n {4}expected .*"percent":6.*\n {4}actual .*"percent":5/);
  const json = await pawl({ cwd }, "connector", "test", "bad.yaml", "--json");
  assert.deepEqual([json.code, (JSON.parse(json.out) as { failed: number }).failed], [1, 1]);
});

test("[OP-1, F50] faults are told with their line and a caret, and nothing of them moves a terminal", async (t) => {
  const cwd = await folder(t);
  const text = readFileSync(EXAMPLE, "utf8")
    .replace("compare: etag", "compare: etga")
    .replace("summary: Moves", 'summary: "\u001b]0;evil\u0007" # Moves');
  writeFileSync(join(cwd, "bad.yaml"), text);
  const ran = await pawl({ cwd }, "connector", "test", "bad.yaml");
  assert.equal(ran.code, 1);
  assert.match(ran.err, /bad\.yaml:12:19/);
  assert.ok(!/\p{Cc}/u.test((ran.out + ran.err).replaceAll("\n", "")));
  const misspelt = await pawl(
    { cwd, stdin: readFileSync(EXAMPLE, "utf8").replace("compare: etag", "compare: etga") },
    "connector",
    "test",
    "-",
  );
  assert.match(misspelt.err, /http\[0\]\.operations\[0\]\.compare must be one of etag/);
  assert.match(misspelt.err, /\n {6,}compare: etga\n +\^/);
});
