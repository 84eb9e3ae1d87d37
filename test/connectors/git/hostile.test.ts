/** A repository that somebody else can write to, configuration and hooks included, runs nothing here. */
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Json } from "../../../src/core/base/index.ts";
import { LIMITS, World, patchOf } from "./world.ts";

const HOOKS =
  "applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg post-commit pre-rebase post-checkout post-merge pre-push pre-receive update proc-receive post-receive post-update reference-transaction push-to-checkout pre-auto-gc post-rewrite sendemail-validate fsmonitor-watchman post-index-change".split(
    " ",
  );

/** Plants a program in every place of a repository from which git could start one; each leaves its name in `ran`. */
function plant(world: World, gitDir: string): { readonly ran: () => string; readonly program: string } {
  const ran = join(world.dir, "ran");
  const program = world.write("evil.sh", `#!/bin/sh\necho "$0 $*" >> ${ran}\nexec cat\n`, 0o755);
  for (const folder of [join(gitDir, "hooks"), join(world.dir, "evil-hooks")]) {
    mkdirSync(folder, { recursive: true });
    for (const hook of HOOKS) {
      writeFileSync(join(folder, hook), `#!/bin/sh\necho "hook ${hook}" >> ${ran}\n`);
      chmodSync(join(folder, hook), 0o755);
    }
  }
  mkdirSync(join(world.dir, "alternate/objects"), { recursive: true });
  appendFileSync(join(gitDir, "objects/info/alternates"), `${join(world.dir, "alternate/objects")}\n`);
  appendFileSync(
    join(gitDir, "config"),
    `[core]
	hooksPath = ${join(world.dir, "evil-hooks")}
	fsmonitor = ${program}
	sshCommand = ${program}
	gitProxy = ${program}
	alternateRefsCommand = ${program}
	editor = ${program}
	pager = ${program}
	askPass = ${program}
[filter "evil"]
	clean = ${program}
	smudge = ${program}
	process = ${program}
	required = true
[diff "evil"]
	command = ${program}
	textconv = ${program}
[diff]
	external = ${program}
[merge "evil"]
	driver = ${program} %O %A %B
[gpg]
	program = ${program}
[commit]
	gpgSign = true
[credential]
	helper = ${program}
[uploadpack]
	packObjectsHook = ${program}
[receive]
	procReceiveRefs = refs/heads
	denyCurrentBranch = updateInstead
	autogc = true
[gc]
	auto = 1
	recentObjectsHook = ${program}
[protocol "ext"]
	allow = always
[remote "origin"]
	url = ext::${program}
	uploadpack = ${program}
	receivepack = ${program}
	promisor = true
	partialclonefilter = blob:none
[trailer "x"]
	command = ${program}
[include]
	path = ${join(world.dir, "more-evil")}
`,
  );
  writeFileSync(join(world.dir, "more-evil"), `[core]\n\thooksPath = ${join(world.dir, "evil-hooks")}\n`);
  return { program, ran: () => (existsSync(ran) ? world.git(world.dir, "hash-object", "--no-filters", ran) : "nothing") };
}

/** Attributes that ask for every one of the planted drivers. */
const ATTRIBUTES = "* filter=evil diff=evil merge=evil text=auto\n";

function hostile(world: World): void {
  world.commit("main", {
    ".gitattributes": ATTRIBUTES,
    "a.txt": "one\ntwo\nthree\nfour\n",
    ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::touch ran\n',
  });
  world.branch("task");
  world.commit("task", { "a.txt": "one\ntwo\nthree\nfour!\n" });
  world.commit("main", { "a.txt": "one!\ntwo\nthree\nfour\n" });
}

const PATCHED: Json = { repository: "shop", branch: "main", patch: patchOf("b.txt", "", "b\n"), message: "Add b" };
const MERGED: Json = { repository: "shop", branch: "main", ref: "task" };

test("[GI-8] the planted programs are real: an ordinary push runs them", (t) => {
  const world = new World(t);
  hostile(world);
  world.git(world.dir, "clone", "--quiet", world.bare, world.work);
  const { ran } = plant(world, world.bare);
  world.git(world.work, "commit", "--quiet", "--allow-empty", "-m", "x");
  try {
    world.git(world.work, "push", "--quiet", "origin", "HEAD:main");
  } catch {
    // proc-receive answers nonsense; what counts is that it was asked.
  }
  assert.notEqual(ran(), "nothing");
});

for (const [name, input] of [
  ["a patch", PATCHED],
  ["a ref", MERGED],
] as const) {
  test(`[GI-8] no program that is planted in a repository runs while ${name} is planned, applied, verified and taken back`, async (t) => {
    const world = new World(t);
    hostile(world);
    const { ran, program } = plant(world, world.bare);
    const env = {
      HOME: world.dir,
      XDG_CONFIG_HOME: world.dir,
      GIT_EXTERNAL_DIFF: program,
      GIT_SSH_COMMAND: program,
      GIT_ASKPASS: program,
      GIT_EDITOR: program,
      GIT_CONFIG_GLOBAL: join(world.dir, "more-evil"),
    };
    const connector = world.connector({ verify: { argv: ["test", "-f", "a.txt"], timeoutSeconds: 20 } }, { env });
    const planned = await connector.analyse(input, LIMITS);
    assert.ok(planned.ok, JSON.stringify(planned));
    assert.equal(ran(), "nothing");
    const { payload, analysis } = planned.value;
    const applied = await connector.apply(payload, analysis.step.stateDigest, LIMITS);
    // The repository's own setting asks for a hook that is not run: git then refuses the push, and says so.
    if (!applied.ok) assert.equal(applied.error.effect, "none");
    assert.equal(ran(), "nothing");
    world.git(world.bare, "config", "--unset", "receive.procReceiveRefs");
    const done = applied.ok ? applied : await connector.apply(payload, analysis.step.stateDigest, LIMITS);
    assert.ok(done.ok, JSON.stringify(done));
    assert.ok((await connector.verify(payload, done.value, LIMITS)).ok);
    assert.ok((await connector.undo(payload, done.value, LIMITS)).ok);
    assert.equal(ran(), "nothing");
  });
}

test("[GI-8] the same holds for a working repository, also with planted files where the mirror keeps its own", async (t) => {
  const world = new World(t);
  hostile(world);
  world.git(world.dir, "clone", "--quiet", world.bare, world.work);
  world.git(world.work, "switch", "--quiet", "--detach");
  const { ran } = plant(world, join(world.work, ".git"));
  world.git(world.work, "config", "--unset", "receive.procReceiveRefs");
  const connector = world.connector({ url: world.work });
  const first = await connector.analyse(PATCHED, LIMITS);
  assert.ok(first.ok, JSON.stringify(first));
  const mirror = join(world.mirrors, readdirSync(world.mirrors).find((name) => name.endsWith(".git")) ?? "");
  plant(world, mirror);
  rmSync(join(mirror, "objects/info/alternates"));
  const again = await connector.analyse(PATCHED, LIMITS);
  assert.ok(again.ok, JSON.stringify(again));
  const applied = await connector.apply(again.value.payload, again.value.analysis.step.stateDigest, LIMITS);
  assert.ok(applied.ok, JSON.stringify(applied));
  assert.equal(ran(), "nothing");
});

test("[GI-8] a submodule that names a program is refused when it arrives", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = x\n\tupdate = !touch ran\n' });
  const answer = await world.connector().analyse(PATCHED, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "git_objects_refused");
});

test("[GI-8] addresses that a repository rewrites are not followed", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n" });
  const evil = world.write("evil-global", `[url "ext::touch ${join(world.dir, "ran")} "]\n\tinsteadOf = ${world.bare}\n`);
  const connector = world.connector({}, { env: { GIT_CONFIG_GLOBAL: evil, GIT_CONFIG: evil, HOME: world.dir } });
  world.write(".gitconfig", `[url "ext::touch ${join(world.dir, "ran")} "]\n\tinsteadOf = ${world.bare}\n`);
  assert.ok((await connector.analyse(PATCHED, LIMITS)).ok);
  assert.ok(!existsSync(join(world.dir, "ran")));
});

test("[GI-5] paths that a commit was forged to hold are refused, whatever wrote them", async (t) => {
  for (const path of [".GIT/hooks/pre-commit", "a/..b/.git./config", "git~1/config", ".g\u200cit/config", "a\nb", "back\\slash"]) {
    const world = new World(t);
    world.commit("main", { "a.txt": "one\n" });
    world.branch("task");
    world.forge("task", path, "x\n");
    const answer = await world.connector().analyse(MERGED, LIMITS);
    assert.ok(!answer.ok, JSON.stringify(path));
  }
});

test("[GI-9] a patch that writes through a link, or outside of the repository, is refused", async (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", etc: { link: "/etc" } });
  const connector = world.connector();
  for (const path of ["etc/cron.d/x", "../x", "/tmp/x", ".git/config"]) {
    const answer = await connector.analyse({ repository: "shop", branch: "main", patch: patchOf(path, "", "x\n"), message: "x" }, LIMITS);
    assert.ok(!answer.ok, path);
  }
});
