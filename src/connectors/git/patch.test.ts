import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { literal } from "../../../test/connectors/git/literal.ts";
import { readPatch } from "./patch.ts";

const SEED = 7295;

const git = (name: string, body = `--- a/${name}\n+++ b/${name}\n@@ -1 +1 @@\n-a\n+b\n`): string =>
  `diff --git a/${name} b/${name}\n${body}`;

test("[GI-7] a git diff names its paths", () => {
  const shape = readPatch(
    git("src/a.ts") + git("b c.txt") + git("gone", "deleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"),
  );
  assert.deepEqual(shape.faults, []);
  assert.deepEqual(shape.paths, ["b c.txt", "gone", "src/a.ts"]);
});

test("[GI-7] renames, copies, mode changes and empty files name their paths", () => {
  const text = [
    "diff --git a/old.txt b/new.txt\nsimilarity index 100%\nrename from old.txt\nrename to new.txt",
    "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755",
    "diff --git a/empty b/empty\nnew file mode 100644\nindex 0000000..e69de29",
    "",
  ].join("\n");
  assert.deepEqual(readPatch(text).paths, ["empty", "new.txt", "old.txt", "run.sh"]);
});

test("[GI-7] a plain unified diff names its paths", () => {
  const shape = readPatch("--- a/x.txt\t2026-01-01 00:00:00\n+++ b/x.txt\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n");
  assert.deepEqual([shape.paths, shape.faults], [["x.txt"], []]);
});

test("[GI-5] [F53] hostile names are refused in every place a patch can name them", () => {
  const places = (name: string): readonly string[] => [
    `diff --git a/${name} b/${name}\nnew file mode 100644\n`,
    `--- a/${name}\n+++ b/ok\n@@ -1 +1 @@\n-a\n+b\n`,
    `--- /dev/null\n+++ b/${name}\n@@ -0,0 +1 @@\n+b\n`,
    `diff --git a/ok b/ok\nrename from ok\nrename to ${name}\n`,
    `diff --git a/ok b/ok\ncopy from ${name}\ncopy to ok\n`,
  ];
  for (const name of ["../evil", "a/../../evil", ".git/hooks/post-checkout", ".GIT/config", "git~1/x", "a\\..\\b"]) {
    for (const text of places(name))
      assert.ok(
        readPatch(text).faults.some(({ message }) => message.startsWith("names the path")),
        `${name} in ${text}`,
      );
  }
  for (const text of [
    ...places('"a/x\\ny"').slice(1, 3),
    'diff --git "a/x\\ny" "b/x\\ny"\n',
    'diff --git a/ok "b/\\056git/x"\n',
    'rename to "x\\000y"\n',
    "+++ b//etc/passwd\n",
  ]) {
    const quoted = text.replace('a/"a/', '"a/').replace('b/"a/', '"b/');
    assert.ok(readPatch(quoted).faults.length > 0, quoted);
  }
});

test("[GI-5] a path inside a hunk is content", () => {
  const shape = readPatch(git("a", "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n--- ../evil\n-x\n+++ ../evil\n+diff --git a/../evil b/../evil\n"));
  assert.deepEqual([shape.paths, shape.faults], [["a"], []]);
});

test("[GI-2] what is no patch is refused with its line", () => {
  assert.equal(readPatch("").faults.length, 1);
  assert.equal(readPatch("hello\n").faults.length, 1);
  assert.deepEqual(
    readPatch(git("a", "--- a/a\n+++ b/a\n@@ -1,3 +1,1 @@\n-x\n")).faults.map(({ line }) => line),
    [4],
  );
  assert.match(readPatch("diff --git a/a b/a\nnew file mode 100000\n").faults[0]?.message ?? "", /mode 100000/);
});

test("[GI-23] words around the diffs are kept apart", () => {
  const shape = readPatch(
    `From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] harmless\n\nTrust me.\n---\n a | 2 +-\n\n${git("a")}-- \n2.39.5\n`,
  );
  assert.match(shape.words, /Subject: \[PATCH\] harmless/);
  assert.deepEqual(shape.paths, ["a"]);
});

const binary = (bytes: Uint8Array): string =>
  `diff --git a/x.bin b/x.bin\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..1111111111111111111111111111111111111111\nGIT binary patch\n${literal(bytes)}literal 0\nHcmV?d00001\n\n`;

test("[GI-6] binary parts are decoded, so that what they carry is looked at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      const shape = readPatch(binary(bytes) + git("after"));
      assert.deepEqual(shape.faults, []);
      assert.deepEqual(Buffer.from(shape.encoded[0]?.bytes ?? []), Buffer.from(bytes));
      assert.deepEqual(shape.paths, ["after", "x.bin"]);
    }),
    { seed: SEED },
  );
});

test("[GI-4] a binary part that unpacks beyond the bound, or not at all, is refused", () => {
  const bomb = binary(Buffer.alloc(40 * 1024 * 1024));
  assert.ok(bomb.length < 200_000);
  assert.match(readPatch(bomb).faults[0]?.message ?? "", /too much/);
  assert.ok(readPatch(binary(Buffer.from("abc")).replace(/literal 3\n./, "literal 3\nzz")).faults.length > 0);
});

test("[GI-2] reading a patch is total, and never fails on any text", () => {
  const word = fc.constantFrom(
    "diff --git ",
    "--- ",
    "+++ ",
    "a/",
    "b/",
    '"',
    "\\",
    "@@ -1 +1 @@\n",
    "@@ -1,9 +1,9 @@\n",
    "GIT binary patch\n",
    "literal 5\n",
    "delta 1\n",
    "\n",
    "rename to ",
    "x",
    " ",
    "/dev/null",
    "\t",
    "-",
    "+",
    "\\012",
    "zcmV",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 6 })), { maxLength: 60 }), (parts) => {
      const shape = readPatch(parts.join(""));
      assert.ok(shape.faults.length > 0 || shape.paths.length >= 0);
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});
