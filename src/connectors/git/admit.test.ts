import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { KEY, TOKEN } from "../../../test/connectors/git/canaries.ts";
import { literal } from "../../../test/connectors/git/literal.ts";
import type { Json } from "../../core/base/index.ts";
import { admitInput } from "./admit.ts";
import { GIT_LIMITS } from "./types.ts";
import type { GitRepository } from "./types.ts";

const SEED = 7295;
const REPOSITORIES: ReadonlyMap<string, GitRepository> = new Map([
  ["shop", { name: "shop", url: "/srv/shop.git", environment: "production", branches: ["main", "release/*"] }],
  ["docs", { name: "docs", url: "/srv/docs.git", environment: "staging" }],
]);
const admit = (input: Json): ReturnType<typeof admitInput> => admitInput(input, REPOSITORIES, GIT_LIMITS);
const PATCH = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+b\n";
const GOOD = { repository: "shop", branch: "main", patch: PATCH, message: "Say b" };

async function codes(input: Json): Promise<readonly string[]> {
  const answer = await admit(input);
  return answer.ok ? [] : answer.error.map(({ code }) => code);
}

test("[GI-7] a patch names its repository's system, environment and exactly its paths", async () => {
  const answer = await admit(GOOD);
  assert.ok(answer.ok);
  assert.deepEqual(answer.value, { input: GOOD, names: { system: "git:shop", environment: "production", resources: ["git:shop#a.txt"] } });
});

test("[GI-7] stars in a name do not widen the scope, and long names stay within a pattern's bound", async () => {
  const long = `${"d".repeat(200)}/${"e".repeat(200)}/${"f".repeat(200)}`;
  const answer = await admit({ ...GOOD, patch: PATCH.replaceAll("a.txt", "**") + PATCH.replaceAll("a.txt", long) });
  assert.ok(answer.ok);
  assert.ok(answer.value.names.resources.includes("git:shop#??"));
  assert.ok(answer.value.names.resources.every((pattern) => pattern.length < 512));
});

test("[GI-7] a ref names the whole repository", async () => {
  const answer = await admit({ repository: "docs", branch: "main", ref: "agent/task" });
  assert.ok(answer.ok);
  assert.deepEqual(answer.value.names, { system: "git:docs", environment: "staging", resources: ["git:docs#**"] });
});

test("[GI-1] an unknown repository is refused with those that are known, and an address is no name", async () => {
  for (const repository of ["nope", "/srv/shop.git", "https://evil.example/x.git", "ext::sh -c x", "__proto__"]) {
    const answer = await admit({ ...GOOD, repository });
    assert.ok(!answer.ok && answer.error.length === 1);
    assert.equal(answer.error[0]?.code, "git_repository_unknown");
    assert.match(answer.error[0]?.remedy ?? "", /docs, shop/);
  }
});

test("[GI-2] all faults of an input are named at once", async () => {
  assert.deepEqual(await codes({ repository: "nope", branch: "-x", commit: "HEAD", extra: 1 }), [
    "git_input_invalid",
    "git_repository_unknown",
    "git_branch_refused",
    "git_ref_refused",
  ]);
  assert.deepEqual(await codes({ ...GOOD, ref: "x" }), ["git_input_invalid"]);
  assert.deepEqual(await codes({ repository: "shop", branch: "main", message: "x" }), ["git_input_invalid"]);
  assert.deepEqual(await codes({ ...GOOD, message: " " }), ["git_message_refused"]);
});

test("[GI-3] branch, ref and commit cannot be read as an option or an expression", async () => {
  for (const branch of ["-f", "--upload-pack=touch /tmp/x", "refs/heads/main", "main:main", "+main", "main..x", "mаin"]) {
    assert.ok((await codes({ ...GOOD, branch })).includes("git_branch_refused"), branch);
  }
  for (const ref of ["--exec=x", "HEAD~1", "a:b", "refs/notes/x", "refs/pawl/plan/x", "refs/heads/", "$(touch x)"]) {
    assert.ok((await codes({ repository: "docs", branch: "main", ref })).includes("git_ref_refused"), ref);
  }
  for (const commit of ["HEAD", "-x", "abc", "A".repeat(40), `${"a".repeat(40)} `]) {
    assert.ok((await codes({ repository: "docs", branch: "main", commit })).includes("git_ref_refused"), commit);
  }
});

test("[GI-3] only branches that the operator allows may be changed", async () => {
  assert.deepEqual(await codes({ ...GOOD, branch: "release/1" }), []);
  assert.deepEqual(await codes({ ...GOOD, branch: "other" }), ["git_branch_refused"]);
});

test("[GI-4] patch, paths and message have bounds", async () => {
  const many = Array.from({ length: 5_001 }, (_, i) => `diff --git a/f${i} b/f${i}\nold mode 100644\nnew mode 100755\n`).join("");
  assert.deepEqual(await codes({ ...GOOD, patch: many }), ["git_patch_too_large"]);
  assert.deepEqual(await codes({ ...GOOD, patch: `${PATCH}${" x\n".repeat(3_000_000)}` }), ["git_patch_too_large"]);
  assert.deepEqual(await codes({ ...GOOD, message: "x".repeat(17_000) }), ["git_message_refused"]);
  assert.deepEqual(await codes({ ...GOOD, message: "a\u001b[31m" }), ["git_message_refused"]);
});

test("[GI-5] paths of a patch are refused with the line that names them", async () => {
  const answer = await admit({ ...GOOD, patch: PATCH + PATCH.replaceAll("a.txt", "../../etc/cron.d/x") });
  assert.ok(!answer.ok);
  assert.deepEqual(new Set(answer.error.map(({ code }) => code)), new Set(["git_path_refused"]));
  assert.equal(answer.error[0]?.where, "input.patch, line 7");
});

test("[GI-6] a secret is refused before anything is stored, by rule and line, and its value is nowhere", async () => {
  const places: readonly Json[] = [
    { ...GOOD, patch: PATCH.replace("+b", `+const t = "${TOKEN}";`) },
    { ...GOOD, patch: PATCH.replace("-a", `-const t = "${TOKEN}";`) },
    { ...GOOD, message: `Use ${TOKEN}` },
    { ...GOOD, patch: `${PATCH}diff --git a/${TOKEN} b/${TOKEN}\nnew file mode 100644\n` },
    { ...GOOD, patch: `${PATCH}diff --git a/x b/x\nnew file mode 100644\nGIT binary patch\n${literal(Buffer.from(`token ${TOKEN}\n`))}` },
  ];
  for (const input of places) {
    const answer = await admit(input);
    assert.ok(!answer.ok);
    assert.deepEqual([...new Set(answer.error.map(({ code }) => code))], ["git_secret"]);
    assert.match(answer.error[0]?.message ?? "", /github\/GITHUB_TOKEN/);
    assert.match(answer.error[0]?.where ?? "", /line \d+/);
    assert.ok(!JSON.stringify(answer).includes(TOKEN.slice(4, 20)));
  }
});

test("[GI-6] a key of many lines is seen through the plus signs", async () => {
  const key = KEY.split("\n");
  const patch = `diff --git a/k b/k\nnew file mode 100644\n--- /dev/null\n+++ b/k\n@@ -0,0 +1,${key.length} @@\n${key.map((line) => `+${line}\n`).join("")}`;
  assert.deepEqual(await codes({ ...GOOD, patch }), ["git_secret"]);
});

test("[GI-2] admitting is total: any JSON is admitted or refused, and never fails", async () => {
  const names = fc.constantFrom("repository", "branch", "patch", "ref", "commit", "message", "__proto__", "x");
  const values = fc.oneof(
    fc.constantFrom<Json>("shop", "main", PATCH, "agent/task", "m", "-x", "\ud800", null, 1),
    fc.jsonValue().map((value) => value as Json),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.jsonValue(), fc.dictionary(names, values, { noNullPrototype: true })), async (input) => {
      const answer = await admit(input as Json);
      assert.ok(
        answer.ok || (answer.error.length > 0 && answer.error.every(({ message, remedy }) => message !== "" && remedy !== undefined)),
      );
    }),
    { seed: SEED, numRuns: 500 },
  );
});
