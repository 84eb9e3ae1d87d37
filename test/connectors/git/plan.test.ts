/** What a plan says of a change, against real repositories. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Analysed } from "../../../src/control/ports.ts";
import type { Json, Result } from "../../../src/core/base/index.ts";
import type { Effect, StepAnalysis } from "../../../src/core/plan/index.ts";
import { codes, patchInput, plan } from "./planning.ts";
import { LIMITS, World, patchOf } from "./world.ts";

const refInput = (ref: string): Json => ({ repository: "shop", branch: "main", ref });

function refusal(answer: Result<Analysed>): string {
  assert.ok(!answer.ok);
  return answer.error.code;
}

function effect(analysis: StepAnalysis, path: string): Effect {
  const found = analysis.step.effects.find(({ resource }) => resource === `git:shop#${path}`);
  assert.ok(found, `an effect on ${path}`);
  return found;
}

test("[GI-12] [GI-13] a patch becomes one effect for each path, with what it was and will be", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "gone.txt": "bye\n", "run.sh": "#!/bin/sh\n" });
  const patch =
    patchOf("a.txt", "one\n", "two\n") +
    patchOf("gone.txt", "bye\n", "") +
    patchOf("new.txt", "", "hello\n") +
    "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n";
  const analysis = await plan(world.connector(), patchInput(patch));
  assert.deepEqual(
    analysis.step.effects.map(({ kind, resource }) => [kind, resource]),
    [
      ["update", "git:shop#a.txt"],
      ["delete", "git:shop#gone.txt"],
      ["create", "git:shop#new.txt"],
      ["update", "git:shop#run.sh"],
    ],
  );
  const sha = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
  assert.deepEqual(effect(analysis, "a.txt").fields, [
    {
      path: "content",
      before: { kind: "bytes", digest: sha("one\n"), size: 4, mediaType: "text/plain" },
      after: { kind: "bytes", digest: sha("two\n"), size: 4, mediaType: "text/plain" },
    },
  ]);
  assert.deepEqual(effect(analysis, "run.sh").fields, [
    { path: "mode", before: { kind: "json", value: "100644" }, after: { kind: "json", value: "100755" } },
  ]);
  assert.match(effect(analysis, "run.sh").summary, /executable/);
  assert.deepEqual(codes(analysis, "run.sh"), ["git.executable"]);
  const detail = effect(analysis, "a.txt").detail;
  assert.ok(detail.kind === "diff");
  assert.deepEqual([detail.added, detail.removed], [1, 1]);
  assert.match(detail.text, /^-one$/m);
  assert.match(detail.text, /^\+two$/m);
});

test("[GI-12] a rename is a deletion and a creation, each naming the other, so that no scope is left by moving a file", async (t) => {
  const world = new World(t);
  const text = "line\n".repeat(20);
  world.commit("main", { "src/auth/a.ts": text });
  const analysis = await plan(
    world.connector(),
    patchInput("diff --git a/src/auth/a.ts b/docs/a.ts\nsimilarity index 100%\nrename from src/auth/a.ts\nrename to docs/a.ts\n"),
  );
  assert.deepEqual(
    analysis.step.effects.map(({ kind, resource }) => [kind, resource]),
    [
      ["create", "git:shop#docs/a.ts"],
      ["delete", "git:shop#src/auth/a.ts"],
    ],
  );
  assert.match(effect(analysis, "src/auth/a.ts").summary, /moves to docs\/a.ts/);
  assert.match(effect(analysis, "docs/a.ts").summary, /from src\/auth\/a.ts/);
  assert.deepEqual(effect(analysis, "src/auth/a.ts").surfaces, ["auth"]);
});

test("[GI-10] [GI-11] the same content planned twice gives the same digests, also after a commit without a change", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n" });
  const connector = world.connector();
  const input = patchInput(patchOf("a.txt", "one\n", "two\n"));
  const first = await connector.analyse(input, LIMITS);
  world.commit("main", {}, "an empty commit");
  const second = await connector.analyse(input, LIMITS);
  assert.ok(first.ok && second.ok);
  assert.deepEqual(second.value.payload, first.value.payload);
  assert.deepEqual({ ...second.value.analysis, context: {} }, { ...first.value.analysis, context: {} });
  assert.notEqual(second.value.analysis.context["commit"], first.value.analysis.context["commit"]);
  world.commit("main", { "other.txt": "x\n" });
  const third = await connector.analyse(input, LIMITS);
  assert.ok(third.ok);
  assert.notEqual(third.value.analysis.step.stateDigest, first.value.analysis.step.stateDigest);
  assert.notEqual(third.value.analysis.step.payloadDigest, first.value.analysis.step.payloadDigest);
});

test("[GI-9] a ref is merged onto the branch without being checked out", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "b.txt": "b\n" });
  world.branch("agent/task");
  const proposed = world.commit("agent/task", { "a.txt": "two\n" });
  world.commit("main", { "b.txt": "bb\n" });
  for (const input of [
    refInput("agent/task"),
    refInput("refs/heads/agent/task"),
    { repository: "shop", branch: "main", commit: proposed },
  ]) {
    const analysis = await plan(world.connector(), input);
    assert.deepEqual(
      analysis.step.effects.map(({ resource }) => resource),
      ["git:shop#a.txt"],
    );
    assert.equal(analysis.context["proposed"], proposed);
  }
});

test("[GI-9] what cannot be brought onto the branch is refused with what to do", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n" });
  world.branch("clash");
  world.commit("clash", { "a.txt": "two\n" });
  world.commit("main", { "a.txt": "three\n" });
  world.commit("stranger", { "x.txt": "x\n" });
  const connector = world.connector();
  const conflict = await connector.analyse(refInput("clash"), LIMITS);
  assert.equal(refusal(conflict), "git_merge_conflict");
  assert.ok(!conflict.ok && conflict.error.message.includes("a.txt"));
  assert.equal(refusal(await connector.analyse(refInput("stranger"), LIMITS)), "git_unrelated");
  assert.equal(refusal(await connector.analyse(refInput("nowhere"), LIMITS)), "git_ref_missing");
  assert.equal(refusal(await connector.analyse({ repository: "shop", branch: "main", commit: "1".repeat(40) }, LIMITS)), "git_ref_missing");
  assert.equal(refusal(await connector.analyse({ repository: "shop", branch: "none", ref: "main" }, LIMITS)), "git_branch_missing");
  assert.equal(refusal(await connector.analyse(refInput("main"), LIMITS)), "git_no_change");
  assert.equal(refusal(await connector.analyse(patchInput(patchOf("a.txt", "nine\n", "two\n")), LIMITS)), "git_patch_does_not_apply");
});

test("[GI-14] no attribute of the repository hides a diff, and what cannot be shown says why", async (t) => {
  const world = new World(t);
  world.commit("main", {
    ".gitattributes": "* -diff -text binary linguist-generated export-ignore diff=hide filter=hide\n",
    "a.txt": "one\n",
    "b.bin": Buffer.from([0, 1, 2]),
  });
  world.branch("task");
  world.commit("task", {
    "a.txt": "two\n",
    "b.bin": Buffer.from([0, 1, 3]),
    "huge.txt": "x\n".repeat(3_000),
    "long.txt": "y\n".repeat(900),
  });
  const analysis = await plan(world.connector({}, { limits: { inspectBytes: 4_000, detailFileBytes: 1_000 } }), refInput("task"));
  const detail = (path: string): string => {
    const one = effect(analysis, path).detail;
    return one.kind === "uninspectable" ? one.reason : one.kind;
  };
  assert.equal(detail("a.txt"), "diff");
  assert.match(detail("b.bin"), /binary/);
  assert.match(detail("huge.txt"), /6000 bytes/);
  assert.match(detail("long.txt"), /the diff has/);
  assert.deepEqual(codes(analysis, "b.bin"), ["git.binary"]);
  assert.deepEqual(codes(analysis, "huge.txt"), ["git.huge_file"]);
});

test("[GI-14] diffs are shown until the plan's bound, and the others say so", async (t) => {
  const world = new World(t);
  world.commit("main", { "README.md": "x\n" });
  const patch = ["a", "b", "c"].map((name) => patchOf(`${name}.txt`, "", "line of text\n".repeat(30))).join("");
  const analysis = await plan(world.connector({}, { limits: { detailPlanBytes: 1_200 } }), patchInput(patch));
  assert.deepEqual(
    analysis.step.effects.map(({ detail }) => detail.kind),
    ["diff", "diff", "uninspectable"],
  );
});

test("[GI-14] names with blanks, quotes and other alphabets keep their diffs", async (t) => {
  const world = new World(t);
  const names = ["a b.txt", 'quo"te.txt', "grüße/ü.txt", "tab-free name ", "日本.md", "b/b b/b", "x b/x"];
  world.commit("main", Object.fromEntries(names.map((name) => [name, "one\n"])));
  world.branch("task");
  world.commit("task", Object.fromEntries(names.map((name) => [name, "two\n"])));
  const analysis = await plan(world.connector(), refInput("task"));
  for (const name of names) assert.equal(effect(analysis, name).detail.kind, "diff", name);
});

test("[GI-14] content that looks like a diff's beginning stays in its own diff", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "b.txt": "one\n", c: { link: "a.txt" } });
  world.branch("task");
  const trick = "x\rdiff --git a/b.txt b/b.txt\u2028diff --git a/b.txt b/b.txt\ndiff --git a/b.txt b/b.txt\n@@ -1 +1 @@\n";
  world.commit("task", { "a.txt": trick, "b.txt": "two\n", c: "now a file\n" });
  const analysis = await plan(world.connector(), refInput("task"));
  const text = (path: string): string => {
    const one = effect(analysis, path).detail;
    assert.ok(one.kind === "diff");
    return one.text;
  };
  assert.match(text("a.txt"), /\n\+diff --git a\/b.txt b\/b.txt\n\+@@ -1 \+1 @@\n$/);
  assert.match(text("b.txt"), /^diff --git a\/b.txt b\/b.txt\n.*\n-one\n\+two\n$/s);
  assert.match(text("c"), /-a.txt\n.*\+now a file\n/s);
});

test("[GI-14] [GI-20] whatever a repository holds, the plan keeps to its shape", async (t) => {
  const world = new World(t);
  const owners = `* ${"@o ".repeat(200)}\n*.md @${"x".repeat(500)}\n`;
  world.commit("main", { CODEOWNERS: owners, "package.json": "{}\n" });
  world.branch("task");
  const deep = `${"d".repeat(200)}/`.repeat(19);
  world.commit("task", {
    [`${deep}a.txt`]: "x\n",
    [`${deep}A.txt`]: { link: "y".repeat(50_000) },
    "package.json": JSON.stringify({
      dependencies: { ["n".repeat(9_000)]: "v".repeat(9_000) },
      scripts: { postinstall: "z".repeat(50_000) },
    }),
    "wide.txt": "w".repeat(300_000),
    "odd.txt": "\u202e".repeat(5_000),
  });
  const analysis = await plan(world.connector(), refInput("task"));
  assert.equal(analysis.step.effects.length, 5);
  assert.equal(effect(analysis, "wide.txt").detail.kind, "uninspectable");
});

test("[GI-15] owners come from the base tree, whatever the change makes of them", async (t) => {
  const world = new World(t);
  world.commit("main", { ".github/CODEOWNERS": "* @all\n/src/ @dev\n", CODEOWNERS: "* @ignored\n", "src/a.ts": "1\n" });
  const analysis = await plan(
    world.connector(),
    patchInput(patchOf("src/a.ts", "1\n", "2\n") + patchOf(".github/CODEOWNERS", "* @all\n/src/ @dev\n", "* @mallory\n")),
  );
  assert.deepEqual(effect(analysis, "src/a.ts").owners, ["@dev"]);
  assert.deepEqual(effect(analysis, ".github/CODEOWNERS").owners, ["@all"]);
  assert.deepEqual(effect(analysis, ".github/CODEOWNERS").surfaces, ["ownership"]);
  assert.deepEqual(codes(analysis, ".github/CODEOWNERS"), ["git.ownership"]);
});

test("[GI-18] hidden and look-alike characters in new lines are dangers with line and column", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.ts": "const a = 1;\nconst old = '\u200b';\n" });
  const analysis = await plan(
    world.connector(),
    patchInput(
      `diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -1,2 +1,3 @@\n-const a = 1;\n+const a = 1; // \u202e } \u2066\n+const p\u0430ssword = 1;\n const old = '\u200b';\n`,
    ),
  );
  const found = analysis.findings.filter(({ severity }) => severity === "danger");
  assert.deepEqual(
    found.map(({ code }) => code),
    ["git.hidden_character", "git.look_alike"],
  );
  assert.match(found[0]?.message ?? "", /line 1, column 17: U\+202E RIGHT-TO-LEFT OVERRIDE; line 1, column 21: U\+2066/);
  assert.doesNotMatch(found[0]?.message ?? "", /200B/);
  assert.match(found[1]?.message ?? "", /line 2, column 8: U\+0430/);
});

test("[GI-18] a file of nothing but what deceives is looked at until that is clear, and its columns stay right", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n" });
  world.branch("task");
  world.commit("task", {
    "b.txt": `${"x ".repeat(5_000)}p\u0430y${"\u200b".repeat(1_000_000)}\r\n`,
    "c.txt": `\u00FC${"y".repeat(4_095)}\r\n`,
  });
  const analysis = await plan(world.connector(), { repository: "shop", branch: "main", ref: "task" });
  const found = analysis.findings.filter(({ severity }) => severity === "danger");
  assert.deepEqual(
    found.map(({ code, resource }) => [code, resource]),
    [
      ["git.hidden_character", "git:shop#b.txt"],
      ["git.look_alike", "git:shop#b.txt"],
    ],
  );
  assert.match(found[0]?.message ?? "", /line 1, column 10004: U\+200B .*; and very many more/);
  assert.match(found[1]?.message ?? "", /line 1, column 10002: U\+0430/);
});

test("[GI-18] a message whose letters look like others is a danger", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n" });
  const patch = patchOf("a.txt", "one\n", "two\n");
  const answer = await world.connector().analyse({ repository: "shop", branch: "main", patch, message: "Pay\n\nby p\u0430ypal" }, LIMITS);
  assert.ok(answer.ok, JSON.stringify(answer));
  const found = answer.value.analysis.findings.find(({ code }) => code === "git.look_alike");
  assert.match(found?.message ?? "", /line 3, column 5: U\+0430/);
});

test("[GI-18] a message that does not show as it is read is a danger", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "1\n" });
  const analysis = await plan(world.connector(), patchInput(patchOf("a.txt", "1\n", "2\n"), "Mend \u202eeverything"));
  assert.deepEqual(
    analysis.findings.map(({ code, severity }) => [code, severity]),
    [["git.hidden_character", "danger"]],
  );
});

test("[GI-19] names that deceive, clash or cannot be used elsewhere are findings", async (t) => {
  const world = new World(t);
  world.commit("main", { "README.md": "x\n", "src/a.ts": "1\n" });
  world.branch("task");
  world.commit("task", {
    "readme.md": "y\n",
    "SRC/b.ts": "1\n",
    "p\u0430y.ts": "1\n",
    "a\u202etxt.exe": "1\n",
    "aux.c": "1\n",
    "fine.ts": "1\n",
  });
  const analysis = await plan(world.connector(), refInput("task"));
  assert.deepEqual(codes(analysis, "readme.md"), ["git.case_clash"]);
  assert.deepEqual(codes(analysis, "SRC/b.ts"), ["git.case_clash"]);
  assert.deepEqual(codes(analysis, "p\u0430y.ts"), ["git.deceptive_name"]);
  assert.deepEqual(codes(analysis, "a\u202etxt.exe"), ["git.deceptive_name"]);
  assert.deepEqual(codes(analysis, "aux.c"), ["git.reserved_name"]);
  assert.deepEqual(codes(analysis, "fine.ts"), []);
});

test("[GI-20] links that leave, submodules and text that is not UTF-8 are findings, and a link's target is shown", async (t) => {
  const world = new World(t);
  const base = world.commit("main", { "a.txt": "x\n", "was-file": "x\n" });
  world.branch("task");
  world.commit("task", {
    in: { link: "a.txt" },
    out: { link: "../../etc/passwd" },
    "was-file": { link: ".git/config" },
    sub: { submodule: base },
    "latin.txt": Buffer.from([0x67, 0xfc, 0x0a]),
  });
  const analysis = await plan(world.connector(), refInput("task"));
  assert.deepEqual(codes(analysis, "in"), []);
  assert.match(effect(analysis, "in").summary, /link in to a.txt/);
  assert.deepEqual(codes(analysis, "out"), ["git.link_outside"]);
  assert.deepEqual(effect(analysis, "out").fields.find(({ path }) => path === "content")?.after, {
    kind: "json",
    value: "../../etc/passwd",
  });
  assert.deepEqual(codes(analysis, "was-file"), ["git.link_outside"]);
  assert.equal(effect(analysis, "was-file").kind, "replace");
  assert.deepEqual(codes(analysis, "sub"), ["git.submodule"]);
  assert.equal(effect(analysis, "sub").resourceKind, "git.submodule");
  assert.deepEqual(codes(analysis, "latin.txt"), ["git.not_utf8"]);
});

test("[GI-22] whether tests change with the code is said, and that nobody ran them is unverified", async (t) => {
  const world = new World(t);
  world.commit("main", { "src/a.ts": "1\n", "test/a.test.ts": "1\n" });
  const connector = world.connector();
  const without = await plan(connector, patchInput(patchOf("src/a.ts", "1\n", "2\n")));
  assert.ok(without.unverified.some(({ topic, provenance }) => topic === "tests.changed" && provenance === "unknown"));
  const beside = await plan(connector, patchInput(patchOf("src/a.ts", "1\n", "2\n") + patchOf("test/a.test.ts", "1\n", "2\n")));
  assert.ok(beside.evidence.some(({ topic, provenance }) => topic === "tests.changed" && provenance === "derived"));
  assert.ok(!beside.unverified.some(({ topic }) => topic === "tests.changed"));
});

test("[GI-23] the commit's message and the words around a patch are claims", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "1\n" });
  const analysis = await plan(
    world.connector(),
    patchInput(`Subject: [PATCH] trivial typo, safe to merge\n\n${patchOf("a.txt", "1\n", "2\n")}`, "Mend a typo"),
  );
  const said = analysis.evidence.filter(({ provenance }) => provenance === "claimed").map(({ text }) => text);
  assert.deepEqual(said, ["Mend a typo", "Subject: [PATCH] trivial typo, safe to merge"]);
});

test("[GI-24] a branch that is checked out on this machine is refused while planning", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "1\n" });
  world.git(world.dir, "clone", "--quiet", world.bare, world.work);
  const connector = world.connector({ url: world.work });
  const answer = await connector.analyse(patchInput(patchOf("a.txt", "1\n", "2\n")), LIMITS);
  assert.equal(refusal(answer), "git_branch_checked_out");
  world.git(world.work, "switch", "--quiet", "--detach");
  await plan(connector, patchInput(patchOf("a.txt", "1\n", "2\n")));
});
