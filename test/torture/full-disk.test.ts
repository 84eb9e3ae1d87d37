/** A disk that is full, or fails: before an effect nothing happens, after it has begun nothing is forgotten, and somebody is told. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { ADMIN, AGENTS, deploy, type Deployment, type Made } from "./deployment.ts";
import { subjects } from "./effects.ts";
import { alarm, health } from "./health.ts";
import { answered, Connection } from "./http.ts";
import { startServer, type PawlProcess } from "./processes.ts";
import { Story } from "./story.ts";

const SIZE = "24m";

interface SmallDisk {
  readonly folder: string;
  fill(): void;
  free(): void;
  /** Ended before the disk is taken away. */
  running<T extends PawlProcess>(server: T): T;
}

/** A folder whose `data` lies on a small disk of its own, for as long as the work takes; skipped where none may be mounted. */
async function onSmallDisk(t: TestContext, work: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-full-"));
  const data = join(folder, "data");
  const ballast = join(data, "ballast");
  mkdirSync(data);
  const servers: PawlProcess[] = [];
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE},mode=0700`, "tmpfs", data], { encoding: "utf8" });
  try {
    if (mounted.status !== 0) return t.skip(`no small disk can be mounted here: ${(mounted.stderr ?? "").trim() || "no such program"}`);
    const free = (): void => rmSync(ballast, { force: true });
    const running = <T extends PawlProcess>(server: T): T => (servers.push(server), server);
    await work({ folder, fill: () => fill(ballast), free, running });
  } finally {
    for (const server of servers) await server.kill("group");
    spawnSync("umount", ["-l", data]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function fill(path: string): void {
  const file = openSync(path, "a");
  const block = Buffer.alloc(4096);
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    closeSync(file);
  }
}

async function sizeOf(url: string): Promise<number> {
  const connection = new Connection();
  const { size } = await answered<{ size: number }>(connection, url, { method: "GET", path: "/v1/ledger/head" });
  connection.close();
  return size;
}

async function deployed(disk: SmallDisk, made: Made = {}): Promise<Deployment> {
  const deployment = await deploy(disk.folder, made);
  disk.running(deployment.server);
  return deployment;
}

test("[D36, CO-60] a disk is full before anything began: nothing happens, the refusal and health say why, and all goes on with space", (t) =>
  onSmallDisk(t, async (disk) => {
    const { server, tokens, folder } = await deployed(disk);
    const story = new Story(folder, tokens, "policy");
    const token = tokens.get(ADMIN);
    disk.fill();
    const before = await sizeOf(server.url);
    const agent = story.caller(AGENTS[0]);
    const ask = { method: "POST", path: "/v1/changes", body: story.proposed.body, headers: { "idempotency-key": "full" } } as const;
    for (let time = 0; time < 3; time++) {
      const reply = await agent.ask(server.url, ask);
      assert.equal(reply?.status, 503);
      const { reason, detail, remedy } = JSON.parse(reply?.text ?? "{}") as Record<string, string>;
      assert.deepEqual([reason, detail], ["store_unavailable", "database or disk is full"]);
      assert.match(remedy ?? "", /nothing was written: try again later/);
    }
    assert.equal(await sizeOf(server.url), before);
    assert.deepEqual(await health(server.url, token), { status: 503, store: "nothing can be written: database or disk is full" });
    assert.equal(server.said().match(/problem: the ledger cannot be written: .*disk is full/g)?.length, 1, server.said());
    disk.free();
    assert.equal((await health(server.url, token)).status, 200);
    assert.equal((await agent.ask(server.url, ask))?.status, 201);
    await story.fsck();
  }));

/** Stands for ssh: whoever fetches gets what there is, and once a push is through, the disk is full. */
function remote(disk: SmallDisk): Made {
  const path = join(disk.folder, "ssh");
  const ballast = join(disk.folder, "data", "ballast");
  const lines = [
    "#!/bin/sh",
    "for command; do :; done",
    'eval "$command"; code=$?',
    `case "$command" in git-receive-pack*) cat /dev/zero > ${ballast} 2>/dev/null ;; esac`,
    "exit $code",
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  chmodSync(path, 0o755);
  return { urlOf: (repository) => `ssh://git@shop.example${repository}`, env: { GIT_SSH_COMMAND: path } };
}

for (const then of ["it is killed", "there is space again"] as const) {
  test(`[D36, CO-60] the disk is full once an effect has begun, and ${then}: one effect, on record or indeterminate, and an alarm`, (t) =>
    onSmallDisk(t, async (disk) => {
      const made = remote(disk);
      const { server, tokens, folder } = await deployed(disk, made);
      const story = new Story(folder, tokens, "document");
      const token = tokens.get(ADMIN);
      const told = story.tell(server.url);
      assert.equal(await alarm(server.url, token), "nothing can be written: database or disk is full");
      assert.match(server.said(), /problem: the ledger cannot be written: .*disk is full/);
      const { effect, tag } = story.proposed;
      assert.ok(effect.kind === "git" && existsSync(join(folder, "data", "ballast")));
      assert.equal((await subjects(folder, effect.repository)).get(tag), 1);
      if (then === "there is space again") {
        disk.free();
        assert.equal((await told)?.status, "verified");
        await story.check(server.url, 0);
      } else {
        await server.kill("group");
        await told;
        disk.free();
        const again = disk.running(await story.restart(made.env));
        assert.equal((await story.tell(again.url))?.status, "indeterminate");
        await story.check(again.url, again.bornAt);
      }
      await story.fsck();
    }));
}

test("[D36] Pawl does not start on a full disk, says so, and starts when there is space", (t) =>
  onSmallDisk(t, async (disk) => {
    const { server, folder } = await deployed(disk);
    await server.kill("group");
    disk.fill();
    const refused = await startServer({ cwd: folder }).then(
      async (started) => {
        await started.kill("group");
        return "it started";
      },
      (error: unknown) => String(error),
    );
    assert.match(refused, /full|no space/i);
    assert.doesNotMatch(refused, /a fault in Pawl itself/);
    disk.free();
    const again = disk.running(await startServer({ cwd: folder }));
    assert.equal((await health(again.url, undefined)).status, 200);
  }));
