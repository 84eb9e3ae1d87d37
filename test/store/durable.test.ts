import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { digestOf } from "../../src/core/base/index.ts";
import { fsck, openPostgres, openSqlite } from "../../src/store/index.ts";
import { freshDatabase } from "../../src/testing/postgres.ts";
import { ORIGIN, signer, temporaryFolder, text } from "./world.ts";

const CHILD = join(import.meta.dirname, "child-append.ts");

/** Runs until so many appends were acknowledged, then kills; the lines that came out whole. */
async function killedAfter(lines: number, args: readonly string[]): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (output.split("\n").length > lines) child.kill("SIGKILL");
  });
  await new Promise((done) => child.on("close", done));
  assert.equal(child.signalCode, "SIGKILL");
  return output.split("\n").slice(1, -1);
}

for (const kind of ["sqlite", "postgres"]) {
  test(`${kind}: [ST-11, E44] what was acknowledged before a hard kill is there afterwards, whole`, async (t) => {
    const place = kind === "sqlite" ? join(temporaryFolder(t), "pawl.db") : await freshDatabase(t);
    let acknowledged = 0;
    for (const lines of [5, 60, 200]) {
      const lastRun = await killedAfter(lines, [kind, place, "100000"]);
      acknowledged += lastRun.length;
      const opened =
        kind === "sqlite"
          ? await openSqlite({ path: place, origin: ORIGIN, signer })
          : await openPostgres({ url: place, origin: ORIGIN, signer });
      assert.ok(opened.ok);
      const store = opened.value;
      for (const line of lastRun) {
        const [writer, n, index] = line.split(" ").map(Number);
        const [entry] = await store.entries(index ?? -1, 1);
        assert.equal(entry?.stream, `change/${writer}`);
        assert.equal((JSON.parse(text(entry.bytes)) as { n: number }).n, n);
        assert.ok(((await store.load(`change/${writer}`))?.version ?? 0) > (n ?? 0));
        assert.ok(await store.claim("vote", `${writer}/${n}`));
        assert.ok(await store.payload(digestOf(`${writer}/${n}`)));
      }
      assert.equal((await fsck(store)).ok, true);
      await store.close();
    }
    assert.ok(acknowledged > 250);
  });
}

test("[ST-11, E44] a commit is synced to the disk before it is acknowledged", (t) => {
  if (spawnSync("strace", ["-V"]).error) return t.skip("strace is not installed");
  const folder = temporaryFolder(t);
  const log = join(folder, "calls");
  const traced = ["-f", "-qq", "-e", "trace=fsync,fdatasync,write,pwrite64", "-o", log];
  const run = spawnSync("strace", [...traced, process.execPath, CHILD, "sqlite", join(folder, "pawl.db"), "1"], { encoding: "utf8" });
  if (run.status !== 0) return t.skip(`strace cannot trace here: ${run.stderr.split("\n")[0]}`);
  const calls = readFileSync(log, "utf8").split("\n");
  const begin = calls.findIndex((call) => call.includes('write(1, "begin'));
  const acknowledged = calls.findIndex((call) => call.includes('write(1, "0 0 0'));
  assert.ok(begin >= 0 && acknowledged > begin);
  const between = calls.slice(begin, acknowledged);
  const written = between.findLastIndex((call) => call.includes("pwrite64("));
  assert.ok(written >= 0, "the commit is written");
  assert.ok(
    between.slice(written).some((call) => /f(data)?sync.*= 0/.test(call)),
    "and synced, before anybody hears of it",
  );
});
