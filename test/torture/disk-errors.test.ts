/** A disk that fails: what SQLite is told by the kernel is not believed twice. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { ADMIN } from "./deployment.ts";
import { countCalls } from "./every.ts";
import { alarm } from "./health.ts";
import { startServer } from "./processes.ts";
import { diskOf, put } from "./lost-writes.ts";
import { Story, template, type Template } from "./story.ts";
import { failFrom, readCalls, straceFault, writeDownAndFail } from "./strace.ts";

async function tracing(t: TestContext, work: (from: Template) => Promise<void>): Promise<void> {
  const fault = straceFault();
  if (fault !== undefined) return t.skip(fault);
  const folder = mkdtempSync(join(tmpdir(), "pawl-errors-"));
  try {
    await work(await template(join(folder, "template")));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("[D36, CO-60] nothing can be written any more once an effect has begun: an alarm, and the next server calls the run indeterminate", (t) =>
  tracing(t, async (from) => {
    const { end = 0 } = (await countCalls(from)).get("pwrite64") ?? {};
    // Somewhere in the last commits: after the push, or shortly before. One story makes fewer calls than another.
    for (let n = end - 20; n > 0 && !(await brokenAt(from, n)); n -= 20);
  }));

/** Whether the story came so far. */
async function brokenAt(from: Template, n: number): Promise<boolean> {
  const story = Story.copy(from);
  const server = await startServer({ cwd: story.folder, under: failFrom("pwrite64", "EIO", n) });
  try {
    const told = story.tell(server.url);
    const first = await Promise.race([alarm(server.url, from.tokens.get(ADMIN)).catch(String), told]);
    if (typeof first !== "string") return false;
    assert.equal(first, "nothing can be written: disk I/O error");
    assert.match(server.said(), /problem: .*disk I\/O error/);
    await server.kill("group");
    await told;
    const again = await story.restart();
    try {
      const view = await story.tell(again.url);
      assert.ok(view?.status === "indeterminate" || view?.status === "failed" || view?.status === "verified");
      await story.check(again.url, again.bornAt);
      await story.fsck();
      return true;
    } finally {
      await again.kill("group");
    }
  } finally {
    await server.kill("group");
    story.close();
  }
}

/**
 * After a sync that failed the kernel calls the pages clean that never reached the disk, and a second sync says that all is well.
 * So the disk is made up anew from the calls that were made, without any byte that only a failed sync had covered.
 */
test("[D36, E44] a sync fails once: it is reported, and what is acknowledged afterwards stands on the disk without what that sync lost", (t) =>
  tracing(t, async (from) => {
    const { start = 0, end = 0 } = (await countCalls(from)).get("fsync") ?? {};
    for (const n of [start + 1, end - 2]) {
      const before = Story.copy(from);
      const story = Story.copy(from);
      const data = join(story.folder, "data");
      const log = join(story.folder, "calls");
      const under = writeDownAndFail(log, ["fsync", "pwrite64", "ftruncate"], "fsync", n);
      const server = await startServer({ cwd: story.folder, under });
      try {
        const view = await story.tell(server.url);
        assert.ok(
          view?.status === "verified" || view?.status === "indeterminate",
          `sync ${n} of ${start} to ${end}: ${String(view?.status)}`,
        );
        assert.match(server.said(), /problem: .*disk I\/O error/);
        await server.kill("group");
        put(data, diskOf(readCalls(log), data, join(before.folder, "data")));
        const again = await story.restart();
        try {
          await story.check(again.url, again.bornAt);
          await story.fsck();
        } finally {
          await again.kill("group");
        }
      } finally {
        await server.kill("group");
        story.close();
        before.close();
      }
    }
  }));
