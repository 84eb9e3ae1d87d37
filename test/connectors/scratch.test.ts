import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import test from "node:test";
import { scratch, sweep } from "../../src/connectors/scratch.ts";

test("what a process that was killed left behind is removed, and nothing of one that lives", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "pawl-scratch-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const own = await scratch(home);
  const dead = join(home, `${spawnSync("true").pid}.1-abc`);
  const living = join(home, `${process.ppid}.1-abc`);
  // Our own number, from an earlier life of the machine or the container.
  const earlier = join(home, `${process.pid}.1-abc`);
  for (const folder of [dead, living, earlier]) mkdirSync(folder);
  await sweep(home);
  assert.deepEqual([own, dead, living, earlier].map(existsSync), [true, false, true, false]);
  assert.match(basename(own), new RegExp(`^${process.pid}\\.`));
});
