import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { resolve } from "node:path";
import { test } from "node:test";
import { edit, filesOf, planted, type Plant } from "./plant.ts";
import { PLANTS, plantNamed } from "./plants.ts";
import { judged } from "./table.ts";

const root = resolve(import.meta.dirname, "../../..");
const hook = resolve(import.meta.dirname, "hook.ts");
const read = (file: string): string => readFileSync(resolve(root, file), "utf8");

test("every plant fits the sources, and what it makes of them is still TypeScript that Node can run", () => {
  for (const plant of PLANTS) {
    for (const file of filesOf(plant)) {
      const source = read(file);
      const text = planted(plant, file, source);
      assert.notEqual(text, source, `${plant.name} changes nothing in ${file}`);
      assert.doesNotThrow(() => stripTypeScriptTypes(text), `${plant.name} in ${file}`);
    }
  }
});

test("a plant that does not fit any more, or fits in two places, is refused", () => {
  const plant = (find: string): Plant => ({ name: "made-up", what: "", breaks: [1], edits: [edit("a.ts", find, "c")] });
  assert.equal(planted(plant("b"), "a.ts", "a b"), "a c");
  assert.throws(() => planted(plant("b"), "a.ts", "a"), /the plant made-up does not fit a\.ts any more: it holds 0 times: b/);
  assert.throws(() => planted(plant("b"), "a.ts", "b b"), /it holds 2 times/);
  assert.throws(() => plantNamed("nobody"), /there is no plant "nobody"; one of: proposer-votes/);
});

test("there are plenty of plants, each with a name of its own, a line for people and the invariants it breaks", () => {
  const names = PLANTS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.length >= 28);
  for (const { name, what, breaks, edits } of PLANTS) {
    assert.match(name, /^[a-z]+(?:-[a-z]+)*$/);
    assert.ok(what.length > 20 && what.length <= 120, `${name}: ${what.length} characters`);
    assert.ok(breaks.length > 0 && breaks.every((n) => Number.isInteger(n) && n >= 1 && n <= 18), name);
    assert.ok(edits.length > 0 && edits.every(({ file }) => /^src\/(?:core|control|runner|store)\/.*\.ts$/.test(file)), name);
  }
});

test("every invariant that a plant can break has one", () => {
  const broken = new Set(PLANTS.flatMap(({ breaks }) => breaks));
  assert.deepEqual(
    [...broken].toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18],
  );
});

/** The digest of two steps under the hook: a plant of the core leaves one of them out. */
function payloadUnder(plant: string | undefined): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { PAWL_PLANT: _, ...env } = process.env;
  const door = JSON.stringify(resolve(root, "src/core/change/index.ts"));
  const step = '{ id: "a", connector: "c", operation: "o", state: "s", payload: "p" }';
  const script = `import { payloadOf } from ${door}; console.log(payloadOf([${step}]) === payloadOf([]));`;
  const args = ["--import", hook, "--input-type=module", "--eval", script];
  return spawnSync(process.execPath, args, { encoding: "utf8", env: { ...env, ...(plant === undefined ? {} : { PAWL_PLANT: plant }) } });
}

test("the hook changes nothing unless a plant is named, and refuses a name that nobody has", () => {
  assert.equal(payloadUnder(undefined).stdout, "false\n");
  assert.equal(payloadUnder("").stdout, "false\n");
  assert.equal(payloadUnder("step-not-in-payload").stdout, "true\n");
  const unknown = payloadUnder("no-such-plant");
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /there is no plant "no-such-plant"/);
});

test("no production source knows of plants", () => {
  const files = globSync(["src/**/*", "bin/**/*", "package.json"], { cwd: root, withFileTypes: true }).filter((each) => each.isFile());
  assert.ok(files.length > 100);
  for (const { parentPath, name } of files) {
    const text = readFileSync(resolve(parentPath, name), "utf8");
    assert.ok(!/PAWL_PLANT|simulation\/plants/.test(text), `${parentPath}/${name}`);
  }
});

test("a bug is found only by an invariant that it breaks, and by a simulation that ended as it should", () => {
  const plant = { breaks: [4, 5] };
  const heard = { ok: false, seed: 7, step: 12, invariant: 5, message: "somebody signs what they made" };
  assert.deepEqual(judged(plant, 7, heard, 1, ""), { seed: 7, step: 12, invariant: 5, found: true, message: heard.message });
  assert.equal(judged(plant, 7, { ...heard, invariant: 0 }, 1, "").found, false);
  assert.match(judged(plant, 7, { ...heard, invariant: 13 }, 1, "").message, /invariant 13 is not one it breaks \(4, 5\)/);
  assert.match(judged(plant, 7, { ok: true, seed: 7 }, 0, "").message, /nothing was found/);
  assert.match(judged(plant, 7, heard, null, "killed").message, /ended with null and said: killed/);
  assert.match(judged(plant, 7, undefined, 2, "usage").message, /ended with 2 and said: usage/);
});

/** One each of votes, policy, runs and storage, that nearly every world shows. */
const HANDFUL = ["policy-not-signed", "mildest-wins", "intent-after-effect", "old-root-signed"] as const;

test("planted bugs are found by the invariants that they break, and the table tells where", { timeout: 60_000 }, () => {
  const main = resolve(import.meta.dirname, "../main.ts");
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, "--mutants", ...HANDFUL, "--seed", "1", "--steps", "60000"], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout + stderr);
  for (const name of HANDFUL) assert.match(stdout, new RegExp(`^${name} +\\d+ +\\d+ +\\d+ +\\d+\\.\\d$`, "m"));
  assert.match(stdout, /\n4 of 4 planted bugs were found\n$/);
});
