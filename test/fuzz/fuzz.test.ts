import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";

const MAIN = resolve(import.meta.dirname, "main.ts");
const RUNS = 250;
/** In MiB: a reader that keeps what it is fed dies here. */
const HEAP = 256;

test("[F48] every reader of something from outside stands hostile input: no crash, no hang, no unbounded memory", (t) => {
  const ran = spawnSync(process.execPath, [`--max-old-space-size=${HEAP}`, MAIN, "--runs", String(RUNS)], {
    encoding: "utf8",
    timeout: 150_000,
  });
  t.diagnostic(ran.stdout.split("\n")[0] ?? "");
  assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
  assert.match(ran.stdout, /^(\d+) readers held$/m);
});

test("a wrong argument of the fuzzer is refused with the usage", () => {
  const ran = spawnSync(process.execPath, [MAIN, "no-such-reader"], { encoding: "utf8" });
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /usage: .*\ntargets: json, /);
});
