/** Repositories on other machines: reached by ssh, which a program of the test stands in for. */
import assert from "node:assert/strict";
import { chownSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Analysed, Connector } from "../../../src/control/ports.ts";
import type { Json } from "../../../src/core/base/index.ts";
import { LIMITS, World, patchOf } from "./world.ts";

const INPUT: Json = { repository: "shop", branch: "main", patch: patchOf("a.txt", "one\n", "two\n"), message: "Say two" };

/** An ssh that runs the command on this machine and notes that it was given the operator's credentials. */
function remote(t: ConstructorParameters<typeof World>[0]): { world: World; connector: Connector; seen: string } {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n" });
  const seen = join(world.dir, "seen");
  const ssh = world.write(
    "ssh",
    `#!/bin/sh\necho "$SSH_AUTH_SOCK/$SECRET" >> ${seen}\nfor last; do :; done\nunset GIT_CONFIG_GLOBAL GIT_ALLOW_PROTOCOL\nexec sh -c "$last"\n`,
    0o755,
  );
  const env = { GIT_SSH_COMMAND: ssh, SSH_AUTH_SOCK: "/run/agent", SECRET: "of the operator" };
  return { world, seen, connector: world.connector({ url: `ssh://git.example.com${world.bare}` }, { env }) };
}

async function plan(connector: Connector): Promise<Analysed> {
  const answer = await connector.analyse(INPUT, LIMITS);
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}

test("[GI-33] a remote repository is reached with the operator's credentials, and with nothing else of the environment", async (t) => {
  const { world, connector, seen } = remote(t);
  const { payload, analysis } = await plan(connector);
  const applied = await connector.apply(payload, analysis.step.stateDigest, LIMITS);
  assert.ok(applied.ok, JSON.stringify(applied));
  assert.equal(world.show("main:a.txt"), "two");
  assert.deepEqual(new Set(readFileSync(seen, "utf8").trim().split("\n")), new Set(["/run/agent/"]));
});

test("[GI-29] a remote repository's own rules may refuse: then nothing was touched", async (t) => {
  const { world, connector } = remote(t);
  world.write("shop.git/hooks/pre-receive", "#!/bin/sh\necho policy says no >&2\nexit 1\n", 0o755);
  const { payload, analysis } = await plan(connector);
  const applied = await connector.apply(payload, analysis.step.stateDigest, LIMITS);
  assert.ok(!applied.ok);
  assert.deepEqual([applied.error.code, applied.error.effect], ["git_push_rejected", "none"]);
  assert.match(applied.error.message, /pre-receive hook declined/);
  assert.equal(world.show("main:a.txt"), "one");
});

test("[GI-29] a push that never got to send anything has no effect", async (t) => {
  const { world, connector } = remote(t);
  const { payload, analysis } = await plan(connector);
  const refusing = world.write(
    "ssh2",
    `#!/bin/sh\ncase "$*" in *receive-pack*) echo 'Permission denied (publickey).' >&2; exit 255;; esac\nexec ${join(world.dir, "ssh")} "$@"\n`,
    0o755,
  );
  const denied = world.connector({ url: `ssh://git.example.com${world.bare}` }, { env: { GIT_SSH_COMMAND: refusing } });
  const applied = await denied.apply(payload, analysis.step.stateDigest, LIMITS);
  assert.ok(!applied.ok);
  assert.deepEqual([applied.error.code, applied.error.effect], ["git_unreachable", "none"]);
});

test("[GI-29] what the other side says of itself proves nothing: after its words the branch is asked", async (t) => {
  const { world, connector } = remote(t);
  // It takes the push, says that it could not be read from, and is gone before it answers.
  const liar = "#!/bin/sh\necho 'sorry, fatal: Could not read from remote repository' >&2\nsleep 0.2\nkill -9 $PPID\n";
  world.write("shop.git/hooks/post-receive", liar, 0o755);
  const { payload, analysis } = await plan(connector);
  const applied = await connector.apply(payload, analysis.step.stateDigest, LIMITS);
  assert.equal(world.show("main:a.txt"), "two");
  assert.ok(applied.ok, JSON.stringify(applied));
});

test(
  "[GI-32] a repository of another user on this machine is used, since it was declared",
  { skip: process.getuid?.() === 0 ? false : "only root can make one" },
  async (t) => {
    const world = new World(t);
    world.commit("main", { "a.txt": "one\n" });
    for (const path of readdirSync(world.bare, { recursive: true, encoding: "utf8" })) chownSync(join(world.bare, path), 12345, 12345);
    chownSync(world.bare, 12345, 12345);
    const connector = world.connector();
    const { payload, analysis } = await plan(connector);
    const applied = await connector.apply(payload, analysis.step.stateDigest, LIMITS);
    assert.ok(applied.ok, JSON.stringify(applied));
  },
);

test("[GI-33] credentials are not given to git inside a repository on this machine", async (t) => {
  const { world, seen } = remote(t);
  const connector = world.connector({}, { env: { GIT_SSH_COMMAND: join(world.dir, "ssh") } });
  await plan(connector);
  assert.ok(!existsSync(seen));
});

test("[GI-9] a repository that does not answer is refused with what git said, without addresses' credentials", async (t) => {
  const world = new World(t);
  const failing = world.write("ssh", "#!/bin/sh\necho 'no route to https://user:hunter2@host/' >&2\nexit 255\n", 0o755);
  const connector = world.connector({ url: "git@git.example.com:shop.git" }, { env: { GIT_SSH_COMMAND: failing } });
  const answer = await connector.analyse(INPUT, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "git_unreachable");
  assert.match(answer.error.message, /no route/);
  assert.doesNotMatch(answer.error.message, /hunter2/);
});

test("[GI-35] a plan starts few programs, however many files it touches", async (t) => {
  const world = new World(t);
  const names = Array.from({ length: 200 }, (_, index) => `src/f${index}.ts`);
  world.commit("main", Object.fromEntries(names.map((name) => [name, "one\n"])));
  const log = join(world.dir, "log");
  const counting = world.write("counting-git", `#!/bin/sh\necho "$*" >> ${log}\nexec git "$@"\n`, 0o755);
  const connector = world.connector({}, { gitBinary: counting });
  const patch = names.map((name) => patchOf(name, "one\n", "two\n")).join("") + patchOf("new.ts", "", "x\n");
  const answer = await connector.analyse({ repository: "shop", branch: "main", patch, message: "x" }, LIMITS);
  assert.ok(answer.ok, JSON.stringify(answer));
  const started = readFileSync(log, "utf8").trim().split("\n");
  assert.ok(started.length <= 14, started.join("\n"));
});
