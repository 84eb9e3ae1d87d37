import assert from "node:assert/strict";
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Client } from "pg";
import { openPostgres } from "../../src/store/index.ts";
import { accepted, gathered, ORIGIN, signer } from "../store/world.ts";
import { startDurablePostgres } from "../torture/postgres.ts";

test("[ST-54] [I72] a real standby answers questions, and Pawl asks it none", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pawl-standby-"));
  const server = await startDurablePostgres(join(folder, "server"));
  t.after(async () => {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const identity = { url: server.url, origin: ORIGIN, signer };
  const opened = await openPostgres(identity);
  assert.ok(opened.ok, JSON.stringify(opened));
  await accepted(opened.value, { writes: [gathered("audit")] });
  await server.kill();
  const data = join(folder, "server", readdirSync(join(folder, "server")).find((name) => /^data\d+$/.test(name)) ?? "");
  const { uid, gid } = statSync(data);
  writeFileSync(join(data, "standby.signal"), "");
  chownSync(join(data, "standby.signal"), uid, gid);
  await server.restart();

  const client = new Client({ connectionString: server.url });
  client.on("error", () => {});
  await client.connect();
  assert.deepEqual((await client.query("SELECT pg_is_in_recovery() AS standby, size FROM head")).rows, [{ standby: true, size: "1" }]);
  await client.end();
  // A store that was open when its server became another's standby reads nothing more.
  await assert.rejects(opened.value.load("config/directory"));
  await opened.value.close();
  const again = await openPostgres(identity);
  assert.equal(again.ok ? "" : again.error.code, "not_primary");
});
