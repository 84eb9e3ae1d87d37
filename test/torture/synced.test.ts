/** The whole server under strace: what it says is on the disk before it says so, and what it intends before it does it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { ChangeEvent } from "../../src/core/change/index.ts";
import { startServer } from "./processes.ts";
import { Story, template } from "./story.ts";
import { readCalls, straceFault, writeDown, type Call } from "./strace.ts";

const CALLS = ["fsync", "fdatasync", "pwrite64", "write", "writev", "execve"];

/** When the entry's bytes were on the disk: the end of the first sync after they were written to the database's log. */
function syncedAt(calls: readonly Call[], change: string, n: number): number {
  const entry = String.raw`\"n\":${n},\"stream\":\"change/${change}\"`;
  const written = calls.find(({ name, text }) => name === "pwrite64" && text.includes("pawl.db-wal>") && text.includes(entry));
  assert.ok(written, `entry ${n} of the change was never written to the log`);
  const synced = calls.find(
    ({ name, text, thread, began }) =>
      /^f(data)?sync$/.test(name) && text.includes("pawl.db-wal>") && thread === written.thread && began > written.ended,
  );
  assert.ok(synced, `entry ${n} of the change was never synced`);
  assert.match(synced.text, /= 0$/);
  return synced.ended;
}

test("[E44, D30] every acknowledgement comes after the sync of what it acknowledges, and every effect after that of its intent", async (t) => {
  const fault = straceFault();
  if (fault !== undefined) return t.skip(fault);
  const folder = mkdtempSync(join(tmpdir(), "pawl-synced-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const story = Story.copy(await template(join(folder, "template")));
  const log = join(folder, "calls");
  const server = await startServer({ cwd: story.folder, under: writeDown(log, CALLS) });
  t.after(() => server.kill("group"));
  const view = await story.tell(server.url);
  assert.equal(view?.status, "verified");
  await story.follow(server.url);
  await server.kill("group");
  const events: readonly ChangeEvent[] = story.mirror.change(view.id)?.events ?? [];
  const calls = readCalls(log);
  story.close();

  const answers = calls.filter(({ name, text }) => name.startsWith("write") && text.includes("<socket:") && text.includes("HTTP/1.1 20"));
  let acknowledged = 0;
  for (const { text, began } of answers) {
    const version: number = Number(new RegExp(String.raw`\\"id\\":\\"${view.id}\\".*?\\"version\\":(\d+)`).exec(text)?.[1] ?? 0);
    if (version === 0) continue;
    acknowledged++;
    assert.ok(syncedAt(calls, view.id, version - 1) < began, `version ${version} was told before it was on the disk`);
  }
  assert.ok(acknowledged >= 3, `${acknowledged} answers told of the change`);

  const push = calls.find(({ name, text }) => name === "execve" && text.includes('"push"'));
  assert.ok(push, "nothing was pushed");
  const intent = events.findIndex(({ type }) => type === "effect_started");
  assert.ok(syncedAt(calls, view.id, intent) < push.began, "the push began before its intent was on the disk");
});
