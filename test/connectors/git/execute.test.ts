/** Applying, verifying and taking back, against real repositories. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { deflateSync } from "node:zlib";
import type { Analysed, Connector, Performed } from "../../../src/control/ports.ts";
import { gitConnector } from "../../../src/connectors/git/index.ts";
import { canonical } from "../../../src/core/base/index.ts";
import type { Json, Result } from "../../../src/core/base/index.ts";
import { LIMITS, NOW, World, patchOf } from "./world.ts";

const INPUT: Json = { repository: "shop", branch: "main", patch: patchOf("a.txt", "one\n", "two\n"), message: "Say two" };

function start(t: TestContext, repository: Parameters<World["connector"]>[0] = {}): { world: World; connector: Connector } {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "b.txt": "b\n" });
  return { world, connector: world.connector(repository) };
}

async function planned(
  connector: Connector,
  input: Json = INPUT,
): Promise<Analysed & { readonly state: Analysed["analysis"]["step"]["stateDigest"] }> {
  const answer = await connector.analyse(input, LIMITS);
  assert.ok(answer.ok, answer.ok ? "" : answer.error.message);
  return { ...answer.value, state: answer.value.analysis.step.stateDigest };
}

function done(answer: Result<Performed, unknown>): Performed {
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}

test("[GI-28] the commit has the approved tree, the branch's head as parent, and the declared people and time", async (t) => {
  const { world, connector } = start(t, { author: { name: "Shop Bot", email: "bot@shop.example" } });
  const head = world.tip("main");
  const plan = await planned(connector);
  const { facts } = done(await connector.apply(plan.payload, plan.state, LIMITS));
  assert.equal(facts["commit"], world.tip("main"));
  const format = world.git(world.bare, "log", "-1", "--format=%H|%P|%T|%an <%ae>|%cn <%ce>|%at|%B", "main");
  const tree = world.git(world.bare, "rev-parse", "main^{tree}");
  assert.equal(format, `${world.tip("main")}|${head}|${tree}|Shop Bot <bot@shop.example>|Pawl <pawl@example.com>|1768478400|Say two`);
  assert.equal(world.show("main:a.txt"), "two");
});

test("[GI-26] [B12] a branch that moved is refused as stale, with both fingerprints, and nothing is touched", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const moved = world.commit("main", { "b.txt": "bb\n" });
  const answer = await connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["stale_state", "none"]);
  const seen = await connector.observe(plan.payload, LIMITS);
  assert.ok(seen.ok);
  assert.deepEqual([answer.error.details?.["expected"], answer.error.details?.["observed"]], [plan.state, seen.value.stateDigest]);
  assert.equal(world.tip("main"), moved);
});

test("[GI-26] the plan's own base counts, not only the state that the caller expects", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  world.commit("main", { "b.txt": "bb\n" });
  const seen = await connector.observe(plan.payload, LIMITS);
  assert.ok(seen.ok);
  const answer = await connector.apply(plan.payload, seen.value.stateDigest, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "stale_state" && answer.error.effect === "none");
});

test("[GI-10] a commit without a change keeps the approval: the tree is put onto the new head", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const empty = world.commit("main", {}, "nothing");
  done(await connector.apply(plan.payload, plan.state, LIMITS));
  assert.equal(world.git(world.bare, "rev-parse", "main^"), empty);
});

test("[GI-11] [B15] a ref that is moved after the approval changes nothing of what is executed", async (t) => {
  const { world, connector } = start(t);
  world.branch("task");
  world.commit("task", { "a.txt": "good\n" });
  const input: Json = { repository: "shop", branch: "main", ref: "task" };
  const plan = await planned(connector, input);
  world.commit("task", { "a.txt": "evil\n" });
  const again = await planned(connector, input);
  assert.notEqual(again.analysis.step.payloadDigest, plan.analysis.step.payloadDigest);
  done(await connector.apply(plan.payload, plan.state, LIMITS));
  assert.equal(world.show("main:a.txt"), "good");
});

test("[GI-11] [B15] the same holds when the ref is gone", async (t) => {
  const { world, connector } = start(t);
  world.branch("task");
  world.commit("task", { "a.txt": "good\n" });
  const plan = await planned(connector, { repository: "shop", branch: "main", ref: "task" });
  world.git(world.bare, "branch", "-D", "task");
  done(await connector.apply(plan.payload, plan.state, LIMITS));
  assert.equal(world.show("main:a.txt"), "good");
});

test("[GI-27] [F52] content that was swapped in the mirror after it was hashed is not executed", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const mirror = join(world.mirrors, readdirSync(world.mirrors).find((name) => name.endsWith(".git")) ?? "");
  const oid = world.git(mirror, "rev-parse", `${String(plan.analysis.context["tree"])}:a.txt`);
  const path = join(mirror, "objects", oid.slice(0, 2), oid.slice(2));
  chmodSync(path, 0o644);
  writeFileSync(path, deflateSync(Buffer.from("blob 4\0bad\n")));
  const answer = await connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok && answer.error.effect === "none", JSON.stringify(answer));
  assert.equal(world.show("main:a.txt"), "one");
  rmSync(path);
  done(await connector.apply(plan.payload, plan.state, LIMITS));
  assert.equal(world.show("main:a.txt"), "two", "what is gone is made again from what was approved");
});

test("[GI-27] [F52] a rename or link swap in the repository between planning and execution is stale", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  world.commit("main", { "a.txt": { link: "b.txt" } });
  const answer = await connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "stale_state" && answer.error.effect === "none");
});

test("[GI-27] a mirror that was lost is made again, and what the payload carries with it", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  rmSync(world.mirrors, { recursive: true });
  done(await world.connector().apply(plan.payload, plan.state, LIMITS));
  assert.equal(world.show("main:a.txt"), "two");
});

test("[GI-27] the approved tree survives a clean-up of the mirror and a restart", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const mirror = join(world.mirrors, readdirSync(world.mirrors).find((name) => name.endsWith(".git")) ?? "");
  world.git(mirror, "gc", "--quiet", "--prune=now");
  done(await world.connector().apply(plan.payload, plan.state, LIMITS));
});

test("[GI-27] [B11] a payload whose tree, base or digest does not belong to the others is not executed", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const other = await planned(connector, { repository: "shop", branch: "main", patch: patchOf("b.txt", "b\n", "evil\n"), message: "x" });
  const read = (bytes: Uint8Array): Record<string, unknown> =>
    JSON.parse(Buffer.from(bytes.subarray(0, bytes.indexOf(10))).toString("utf8")) as Record<string, unknown>;
  const [mine, foreign] = [read(plan.payload), read(other.payload)];
  for (const change of [
    { tree: foreign["tree"] },
    { changes: foreign["changes"] },
    { base_tree: mine["tree"] },
    { tree: world.tip("main") },
    { carried: foreign["carried"] },
  ]) {
    const altered = Buffer.concat([Buffer.from(canonical({ ...mine, ...change })), plan.payload.subarray(plan.payload.indexOf(10))]);
    for (const node of [connector, world.connector({}, { node: "other" })]) {
      const answer = await node.apply(altered, plan.state, LIMITS);
      assert.ok(!answer.ok && answer.error.effect === "none", JSON.stringify(change));
    }
  }
  assert.equal(world.git(world.bare, "rev-list", "--count", "main"), "1");
});

test("[GI-10] [GI-11] [B14] the same patch for another branch or repository is another state and another payload", async (t) => {
  const { world } = start(t);
  world.branch("release");
  const url = world.bare;
  const connector = gitConnector({
    repositories: [
      { name: "shop", url, environment: "staging" },
      { name: "prod", url, environment: "production" },
    ],
    workDir: world.mirrors,
    secretKey: new Uint8Array(32),
    clock: { now: () => NOW },
    submitterIdentity: { name: "Pawl", email: "pawl@example.com" },
  });
  const at = async (repository: string, branch: string): Promise<readonly string[]> => {
    const { analysis } = await planned(connector, { ...INPUT, repository, branch });
    return [analysis.step.payloadDigest, analysis.step.stateDigest];
  };
  const all = [...(await at("shop", "main")), ...(await at("shop", "release")), ...(await at("prod", "main"))];
  assert.equal(new Set(all).size, all.length);
});

test("[GI-28] of two changes made from one state, one is applied", async (t) => {
  const { world, connector } = start(t);
  const one = await planned(connector);
  const other = await planned(connector, { repository: "shop", branch: "main", patch: patchOf("b.txt", "b\n", "c\n"), message: "Say c" });
  const separate = world.connector();
  const answers = await Promise.all([
    connector.apply(one.payload, one.state, LIMITS),
    separate.apply(other.payload, other.state, LIMITS),
    connector.apply(one.payload, one.state, LIMITS),
  ]);
  assert.equal(answers.filter(({ ok }) => ok).length, 1);
  for (const answer of answers) assert.ok(answer.ok || answer.error.effect === "none", JSON.stringify(answer));
  assert.equal(world.git(world.bare, "rev-list", "--count", "main"), "2");
});

test("[GI-29] a repository that answers with a refusal was certainly not touched", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  world.git(world.bare, "config", "receive.denyNonFastForwards", "true");
  const lock = join(world.bare, "refs/heads/main.lock");
  writeFileSync(lock, "");
  const answer = await connector.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok);
  assert.equal(answer.error.effect, "none");
  rmSync(lock);
  done(await connector.apply(plan.payload, plan.state, LIMITS));
});

/** A git that does its work and then breaks the connection: what a push that lost its answer looks like. */
function losingGit(world: World, when: "after" | "before", andThen = ":"): string {
  const body = when === "after" ? `git "$@" >/dev/null 2>&1; ${andThen}; exit 128` : "exit 128";
  return world.write(
    "bin/losing-git",
    `#!/bin/sh\nfor arg in "$@"; do if [ "$arg" = push ]; then ${body}; fi; done\nexec git "$@"\n`,
    0o755,
  );
}

test("[GI-29] a push without an answer counts as done when the branch has the commit", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const losing = world.connector({}, { gitBinary: losingGit(world, "after") });
  const { facts } = done(await losing.apply(plan.payload, plan.state, LIMITS));
  assert.equal(facts["commit"], world.tip("main"));
});

test("[GI-29] a push without an answer and without an effect to be seen is possible, never none", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const losing = world.connector({}, { gitBinary: losingGit(world, "before") });
  const answer = await losing.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["git_push_unknown", "possible"]);
});

test("[GI-29] a push without an answer whose commit somebody overwrote is possible, never none: it did take effect", async (t) => {
  const { world, connector } = start(t);
  const other = world.commit("other", { "c.txt": "c\n" });
  const plan = await planned(connector);
  const overwrite = `git -C '${world.bare}' update-ref refs/heads/main ${other}`;
  const losing = world.connector({}, { gitBinary: losingGit(world, "after", overwrite) });
  const answer = await losing.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["git_push_unknown", "possible"]);
});

test("[GI-30] verification reads the branch again, and stands when others build on the commit", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const performed = done(await connector.apply(plan.payload, plan.state, LIMITS));
  world.commit("main", { "b.txt": "later\n" });
  done(await connector.verify(plan.payload, performed, LIMITS));
  world.git(world.bare, "update-ref", "refs/heads/main", "main~2");
  const gone = await connector.verify(plan.payload, performed, LIMITS);
  assert.ok(!gone.ok && gone.error.code === "verify_commit_gone");
});

test("[GI-30] attributes convert nothing of what the operator's check sees", async (t) => {
  const { world } = start(t);
  world.commit("main", { ".gitattributes": "* text eol=crlf working-tree-encoding=UTF-16 ident\n", "b.id": "$Id$\n" });
  const program = 'test "$(cat a.txt)" = two && test "$(cat b.id)" = \'$Id$\'';
  const connector = world.connector({ verify: { argv: ["sh", "-c", program], timeoutSeconds: 20 } });
  const plan = await planned(connector);
  const performed = done(await connector.apply(plan.payload, plan.state, LIMITS));
  done(await connector.verify(plan.payload, performed, LIMITS));
});

test("[GI-30] the operator's check runs on the approved tree, with links as plain files and no credentials", async (t) => {
  const program = 'test -f a.txt && test "$(cat a.txt)" = two && test ! -L link && env > seen.txt && ! grep -q TOKEN seen.txt && echo fine';
  const { world } = start(t);
  const connector = world.connector(
    { verify: { argv: ["sh", "-c", program], timeoutSeconds: 20 } },
    { env: { HOME: "/root", GIT_ASKPASS: "TOKEN", SECRET: "TOKEN" } },
  );
  world.commit("main", { link: { link: "/etc/passwd" } });
  const plan = await planned(connector);
  assert.ok(plan.analysis.assumptions.some(({ topic }) => topic === "check"));
  const performed = done(await connector.apply(plan.payload, plan.state, LIMITS));
  const { facts } = done(await connector.verify(plan.payload, performed, LIMITS));
  const check = facts["check"] as { exit: number; output: string };
  assert.deepEqual([check.exit, check.output], [0, "fine"]);
  assert.deepEqual(readdirSync(join(world.mirrors, "checks")), []);
});

test("[GI-30] a check that fails or does not end fails the verification, with the end of its output", async (t) => {
  const { world } = start(t);
  const failing = world.connector({
    verify: { argv: ["sh", "-c", "yes x | head -c 100000; echo broken >&2; exit 3"], timeoutSeconds: 20 },
  });
  const plan = await planned(failing);
  const performed = done(await failing.apply(plan.payload, plan.state, LIMITS));
  const answer = await failing.verify(plan.payload, performed, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "verify_check_failed");
  assert.equal(answer.error.details?.["exit"], 3);
  const output = String(answer.error.details?.["output"]);
  assert.ok(output.endsWith("broken") && output.length <= 4_000);
  for (const argv of [["sh", "-c", "sleep 600 & sleep 600"], ["/nonexistent/program"]]) {
    const stuck = world.connector({ verify: { argv, timeoutSeconds: 1 } });
    const late = await stuck.verify(plan.payload, performed, LIMITS);
    assert.ok(!late.ok && late.error.code === "verify_check_failed", JSON.stringify(late));
  }
});

/** Wide characters, an odd number of bytes before them: a cut in the middle leaves half of one. */
const WIDE = `printf x; i=0; while [ $i -lt 2500 ]; do printf '\\360\\237\\232\\200'; i=$((i+1)); done; printf y; exit 1`;

test("[GI-37] what a check printed can be recorded wherever it is cut, and says nothing of a secret that is coloured, quoted or an argument", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const performed = done(await connector.apply(plan.payload, plan.state, LIMITS));
  const token = `ghp_${"AbCdEfGhIj".repeat(4).slice(0, 36)}`;
  const ending = async (...argv: string[]) => {
    const checking = world.connector({ verify: { argv, timeoutSeconds: 20 } });
    const answer = await checking.verify(plan.payload, performed, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "verify_check_failed");
    return { message: answer.error.message, text: canonical(answer.error) };
  };
  assert.match((await ending("sh", "-c", WIDE)).text, /🚀y"/);
  for (const program of [`printf '\\033[1m\\033[33m%s\\033[0m' "$1$2"; exit 1`, `printf '{"text":"a\\\\n%s"}' "$1$2"; exit 1`]) {
    const { text } = await ending("sh", "-c", program, "check", token.slice(0, 9), token.slice(9));
    assert.ok(!text.includes(token), text);
    assert.match(text, /a line in which something looks like a secret/);
  }
  assert.ok(!(await ending("sh", "-c", "exit 1", "check", token)).text.includes(token));
  assert.match((await ending("sh", "-c", "kill -9 $$")).message, /was ended by SIGKILL$/);
  assert.match((await ending("sh", "-c", "yes x")).message, /printed too much$/);
});

test("[GI-31] taking back is a commit that brings back the earlier tree", async (t) => {
  const { world, connector } = start(t);
  const before = world.git(world.bare, "rev-parse", "main^{tree}");
  const plan = await planned(connector);
  const performed = done(await connector.apply(plan.payload, plan.state, LIMITS));
  done(await connector.undo(plan.payload, performed, LIMITS));
  assert.equal(world.git(world.bare, "rev-parse", "main^{tree}"), before);
  assert.equal(world.git(world.bare, "rev-parse", "main^"), performed.facts["commit"]);
  assert.match(world.git(world.bare, "log", "-1", "--format=%B", "main"), /^Revert "Say two"\n\nThis reverts commit [0-9a-f]{40}\.$/);
});

test("[GI-31] a branch that moved on is not taken back", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const performed = done(await connector.apply(plan.payload, plan.state, LIMITS));
  const later = world.commit("main", { "b.txt": "later\n" });
  const answer = await connector.undo(plan.payload, performed, LIMITS);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["undo_moved", "none"]);
  assert.equal(world.tip("main"), later);
  const forged = await connector.undo(plan.payload, { facts: { commit: later } }, LIMITS);
  assert.ok(!forged.ok && forged.error.code === "undo_moved", "a commit that is not ours is not taken back");
});

test("[GI-25] a plan that is refused leaves no object behind", async (t) => {
  const { world, connector } = start(t);
  await planned(connector);
  const mirror = join(world.mirrors, readdirSync(world.mirrors).find((name) => name.endsWith(".git")) ?? "");
  const count = (): string => world.git(mirror, "count-objects");
  const before = count();
  const secretPath = ["ghp", "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"].join("_");
  const answer = await connector.analyse(
    { repository: "shop", branch: "main", patch: patchOf(`${secretPath}.txt`, "", "new content\n"), message: "x" },
    LIMITS,
  );
  assert.ok(!answer.ok && answer.error.code === "git_secret" && !JSON.stringify(answer).includes(secretPath));
  assert.equal(count(), before);
  assert.ok(!existsSync(join(mirror, "pawl")) || readdirSync(join(mirror, "pawl")).length === 0);
});

test("[GI-25] what a process left that was killed while planning is removed by the next one", async (t) => {
  const { world, connector } = start(t);
  await planned(connector);
  const home = join(world.mirrors, readdirSync(world.mirrors).find((name) => name.endsWith(".git")) ?? "", "pawl");
  const [dead, reborn] = [join(home, "999999999.1-x"), join(home, `${process.pid}.1-x`)];
  for (const path of [dead, reborn]) mkdirSync(path, { recursive: true });
  await planned(world.connector());
  assert.deepEqual(readdirSync(home), []);
});

test("[GI-34] a payload whose repository or branch is no longer declared is refused", async (t) => {
  const { world, connector } = start(t);
  const plan = await planned(connector);
  const narrowed = world.connector({ branches: ["release/*"] });
  const answer = await narrowed.apply(plan.payload, plan.state, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "git_repository_unknown" && answer.error.effect === "none");
  assert.notEqual(narrowed.digest, connector.digest);
  assert.equal(readFileSync(join(world.mirrors, "gitconfig"), "utf8").includes("allow = never"), true);
});
