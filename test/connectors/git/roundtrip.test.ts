/** Patches that git itself writes lead to exactly the tree that they were made from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readPatch } from "../../../src/connectors/git/patch.ts";
import { LIMITS, World } from "./world.ts";
import type { Files } from "./world.ts";

const SEED = 7295;
const SOURCE = { repository: "shop", branch: "main", message: "x" };

const names = fc.constantFrom(
  "a.txt",
  "b/c.txt",
  "b/d e.txt",
  'quo"te',
  "ü/grüße.md",
  "run.sh",
  "x b/x",
  "tab\u00a0name",
  "日本.md",
  "deep/er/f",
);
const text = fc.array(
  fc.constantFrom(
    "one",
    "two",
    "--- a/x",
    "+++ b/x",
    "diff --git a/x b/x",
    "@@ -1 +1 @@",
    "",
    "\\ No newline",
    "\r",
    "GIT binary patch",
    "ü",
  ),
  { maxLength: 12 },
);
const file = fc.oneof(
  { weight: 5, arbitrary: text.map((lines) => lines.join("\n")) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.concat([Buffer.from([0]), bytes])) },
  { weight: 1, arbitrary: fc.constantFrom("a.txt", "../x").map((link) => ({ link })) },
  { weight: 1, arbitrary: fc.constantFrom("#!/bin/sh\n", "#!/bin/sh\nexit 1\n").map((run) => ({ run })) },
);
const tree = fc.dictionary(names, file, { maxKeys: 8, noNullPrototype: true });

test("[GI-9] [GI-7] any difference between two trees, as a patch, gives the second tree and names its paths", async (t) => {
  const world = new World(t);
  const connector = world.connector();
  const replace = (branch: string, files: Files): void => {
    const gone =
      world.tip(branch) === undefined
        ? []
        : world
            .git(world.bare, "ls-tree", "-r", "-z", "--name-only", branch)
            .split("\0")
            .filter((path) => path !== "");
    world.commit(branch, { ...Object.fromEntries(gone.map((path) => [path, undefined])), ...files });
  };
  await fc.assert(
    fc.asyncProperty(tree, tree, fc.boolean(), async (before, after, renames) => {
      replace("main", { ...before, keep: "kept\n" });
      replace("task", { ...after, keep: "kept\n" });
      const [old, wanted] = [world.git(world.bare, "rev-parse", "main^{tree}"), world.git(world.bare, "rev-parse", "task^{tree}")];
      if (old === wanted) return;
      const patch = world.raw("diff", "--binary", "--full-index", renames ? "-M" : "--no-renames", "main", "task");
      const answer = await connector.analyse({ ...SOURCE, patch }, LIMITS);
      assert.ok(answer.ok, JSON.stringify(answer));
      assert.equal(answer.value.analysis.context["tree"], wanted);
      const named = new Set(readPatch(patch).paths.map((path) => `git:shop#${path}`));
      for (const { resource } of answer.value.analysis.step.effects) assert.ok(named.has(resource), resource);
      assert.deepEqual(readPatch(patch).faults, []);
    }),
    { seed: SEED, numRuns: 12 },
  );
});

test("[GI-9] a patch without its prefix, or for another directory level, is refused rather than guessed", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "b/a.txt": "one\n" });
  for (const patch of [
    "--- a.txt\n+++ a.txt\n@@ -1 +1 @@\n-one\n+two\n",
    "diff --git a.txt a.txt\n--- a.txt\n+++ a.txt\n@@ -1 +1 @@\n-one\n+two\n",
  ]) {
    const answer = await world.connector().analyse({ ...SOURCE, patch }, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "git_patch_does_not_apply", JSON.stringify(answer));
  }
});
