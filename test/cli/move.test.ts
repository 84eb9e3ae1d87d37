/** A deployment moves to PostgreSQL and back through the command line, and its ledger is the same on both sides. */
import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { freshDatabase } from "../../src/testing/postgres.ts";
import { CART, FROM_STDIN, SIGN_IN, world, type PawlWorld } from "./world.ts";

/** The deployment goes on there: what was decided before is proven, and another change goes all the way. */
async function onPostgres(pawl: PawlWorld, url: string, before: string): Promise<void> {
  const { startPawl } = await import("../../src/main.ts");
  const started = await startPawl({ ...pawl.settings, database: { kind: "postgres", url, poolSize: 4 } }, { log: () => undefined });
  assert.ok(started.ok, JSON.stringify(started));
  const env = { PAWL_URL: started.value.url };
  const run = (...argv: string[]) => pawl.with({ env }, ...argv);
  try {
    const proposed = await pawl.with(
      { env, stdin: SIGN_IN },
      "propose",
      "--as",
      "agent",
      "--title",
      "On PostgreSQL",
      ...FROM_STDIN,
      "--wait",
      "--quiet",
    );
    assert.equal(proposed.code, 0, proposed.err);
    const id = proposed.out.trim();
    assert.equal((await run("approve", id, "--yes", "--as", "ada")).code, 1, "her agent proposed it");
    assert.equal((await run("approve", id, "--yes", "--as", "grace")).code, 0);
    const ended = await run("approve", id, "--yes", "--wait", "--as", "barbara");
    assert.equal(ended.code, 0, ended.err);
    for (const change of [before, id]) {
      const proven = await run("verify", change, "--as", "grace");
      assert.equal(proven.code, 0, proven.out + proven.err);
    }
  } finally {
    await started.value.close();
  }
}

test("db move takes everything to PostgreSQL and back, with the same root, and Pawl goes on there; a second time there is no empty database", async (t) => {
  const url = await freshDatabase(t);
  const pawl = await world(t);
  const id = await pawl.proposed(CART);
  assert.equal((await pawl.as("linus", "approve", id, "--yes", "--wait")).code, 0);
  await pawl.running.close();
  const rootOf = (out: string): string | undefined => /root ([A-Za-z0-9+/]{43}=)/.exec(out)?.[1];
  const before = await pawl.with({}, "ledger", "fsck");
  assert.match(before.out, /all as signed/);

  const there = await pawl.with({}, "db", "move", "--to", url);
  assert.equal(there.code, 0, there.err);
  assert.equal(rootOf(there.out), rootOf(before.out));
  assert.match(there.err, /PAWL_DATABASE_URL/);
  const postgres = { env: { PAWL_DATABASE_URL: url } };
  const checked = await pawl.with(postgres, "ledger", "fsck");
  assert.deepEqual([checked.code, rootOf(checked.out)], [0, rootOf(before.out)], checked.err);

  await onPostgres(pawl, url, id);

  const again = await pawl.with({}, "db", "move", "--to", url);
  assert.equal(again.code, 2, again.out);
  assert.match(again.err, /^pawl: .*\n(?: {2}where: .*\n)? {2}remedy: /);
  await rename(join(pawl.dir, "data", "pawl.db"), join(pawl.dir, "data", "old.db"));
  const back = await pawl.with(postgres, "db", "move", "--to", "sqlite");
  const moved = await pawl.with(postgres, "ledger", "fsck");
  assert.deepEqual([back.code, rootOf(back.out)], [0, rootOf(moved.out)], back.err);
  assert.equal((await pawl.with({}, "ledger", "fsck")).code, 0);
  const nowhere = await pawl.with({ env: { PAWL_DATABASE_URL: "postgres://u:hunter2@127.0.0.1:1/x" } }, "db", "migrate");
  assert.equal(nowhere.code, 2, nowhere.out);
  assert.doesNotMatch(nowhere.err, /hunter2|\n {4}at /);
});
