import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import test from "node:test";
import { parseVkey, vkey } from "../../src/core/ledger/index.ts";
import { fsck, openPostgres, openSqlite } from "../../src/store/index.ts";
import { connect } from "../../src/store/sqlite/program.ts";
import { freshDatabase } from "../../src/testing/postgres.ts";
import { makeDatabase } from "./databases.ts";
import type { Kind } from "./databases.ts";
import { ORIGIN, accepted, counted, gathered, signer, signerFrom, temporaryFolder } from "./world.ts";

for (const kind of ["sqlite", "postgres"] satisfies Kind[]) {
  test(`${kind}: [ST-30] opening again changes nothing and goes on where the log ended`, async (t) => {
    const database = await makeDatabase(kind, t);
    const first = await database.open();
    await accepted(first, { writes: [counted("change/a", 0, 3)] });
    const before = await first.head();
    await first.close();
    const second = await database.open();
    assert.deepEqual(await second.head(), before);
    assert.deepEqual((await accepted(second, { writes: [gathered("audit")] })).indexes, [3]);
    const migrations = await database.sql("SELECT version FROM pawl_migrations ORDER BY version");
    assert.deepEqual(
      migrations.map(({ version }) => version),
      [1, 2],
    );
  });

  test(`${kind}: [ST-31] a database of a later schema is refused and left alone`, async (t) => {
    const database = await makeDatabase(kind, t);
    await (await database.open()).close();
    await database.sql("INSERT INTO pawl_migrations (version, name) VALUES (99, 'from the future')");
    await assert.rejects(database.open(), /schema 99; this Pawl knows 2/);
    assert.equal((await database.sql("SELECT * FROM head")).length, 1);
  });

  test(`${kind}: [ST-33] a head that disagrees with its checkpoint is refused`, async (t) => {
    const database = await makeDatabase(kind, t);
    const store = await database.open();
    await accepted(store, { writes: [gathered("audit", 3)] });
    await store.close();
    await database.sql("UPDATE head SET size = 2");
    await assert.rejects(database.open(), /head and its signed checkpoint disagree/);
  });

  test(`${kind}: [ST-35] nothing is appended to a tree whose tiles do not have the signed root`, async (t) => {
    const database = await makeDatabase(kind, t);
    const store = await database.open();
    await accepted(store, { writes: [gathered("audit", 3)] });
    const before = await store.head();
    await store.close();
    await database.sql("UPDATE entries SET leaf = ? WHERE idx = 1", new Uint8Array(32));
    const again = await database.open();
    const answer = await again.append({ writes: [gathered("audit")] });
    assert.equal(answer.ok ? "" : answer.error.code, "store_corrupt");
    assert.deepEqual(await again.head(), before);
  });
}

for (const kind of ["sqlite", "postgres"] satisfies Kind[]) {
  test(`${kind}: [ST-32] a database of the first schema gets its leaf hashes from its tiles, and goes on`, async (t) => {
    const database = await makeDatabase(kind, t);
    const first = await database.open();
    await accepted(first, { writes: [gathered("audit", 300), counted("change/a", 0, 2)] });
    const { root } = await first.head();
    const tile = await first.tile(0, 1);
    await first.close();
    await database.sql("INSERT INTO tiles (level, idx, hashes) VALUES (0, 1, ?)", tile);
    await database.sql("ALTER TABLE entries DROP COLUMN leaf");
    await database.sql("DELETE FROM pawl_migrations WHERE version = 2");
    const second = await database.open();
    assert.deepEqual((await fsck(second)).faults, []);
    assert.deepEqual((await second.head()).root, root);
    assert.deepEqual(await second.tile(0, 1), tile);
    assert.deepEqual((await accepted(second, { writes: [counted("change/a", 2)] })).indexes, [302]);
    assert.equal((await fsck(second)).ok, true);
  });
}

test("[ST-33] another origin or key is refused; a former key is not", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  const code = async (more: object): Promise<string> => {
    const opened = await openSqlite({ path, origin: ORIGIN, signer, ...more });
    if (!opened.ok) return opened.error.code;
    await accepted(opened.value, { writes: [gathered("audit")] });
    await opened.value.close();
    return "opened";
  };
  const next = signerFrom("second");
  const old = parseVkey(vkey(signer.name, signer.publicKey));
  assert.ok(old.ok);
  assert.equal(await code({}), "opened");
  assert.equal(await code({ origin: "another.example/log" }), "wrong_origin");
  assert.equal(await code({ signer: next }), "wrong_key");
  assert.equal(await code({ signer: next, formerKeys: [{ ...old.value, untilSize: 2 }] }), "opened");
  assert.equal(await code({ signer: next, formerKeys: [{ ...old.value, untilSize: 2 }] }), "opened");
  assert.equal(await code({}), "wrong_key");
  const opened = await openSqlite({ path, origin: ORIGIN, signer: next, formerKeys: [{ ...old.value, untilSize: 2 }] });
  assert.ok(opened.ok);
  assert.equal((await fsck(opened.value)).ok, true);
  await opened.value.close();
});

test("[ST-34] what is no database of ours is refused and left alone", async (t) => {
  const folder = temporaryFolder(t);
  const open = async (name: string) => {
    const opened = await openSqlite({ path: join(folder, name), origin: ORIGIN, signer });
    return opened.ok ? "opened" : opened.error.code;
  };
  writeFileSync(join(folder, "text"), "this is a text and by no means a database, but long enough to look at".repeat(20));
  assert.equal(await open("text"), "not_a_store");
  const other = new DatabaseSync(join(folder, "other"));
  other.exec("CREATE TABLE head (mine TEXT); INSERT INTO head VALUES ('kept')");
  assert.equal(await open("other"), "not_a_store");
  assert.equal(other.prepare("SELECT mine FROM head").get()?.["mine"], "kept");
  assert.equal(other.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "delete");
  other.close();
  assert.equal(await open("no/such/folder/pawl.db"), "store_unavailable");
  const postgres = await openPostgres({ url: "postgres://nobody:none@127.0.0.1:1/none", origin: ORIGIN, signer });
  assert.equal(postgres.ok ? "" : postgres.error.code, "store_unavailable");
});

test("[ST-36] SQLite keeps one file that only its owner reads, syncs every commit, and types its columns", async (t) => {
  const path = join(temporaryFolder(t), "pawl.db");
  const opened = await openSqlite({ path, origin: ORIGIN, signer });
  assert.ok(opened.ok);
  t.after(() => opened.value.close());
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { db } = connect(path);
  t.after(() => db.close());
  assert.equal(db.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "wal");
  assert.equal(db.prepare("PRAGMA synchronous").get()?.["synchronous"], 2);
  assert.throws(() => db.exec("UPDATE head SET size = 'many'"), /cannot store TEXT value/);
});

test("[ST-32] several nodes may open a new PostgreSQL database at once", async (t) => {
  const url = await freshDatabase(t);
  const opened = await Promise.all(Array.from({ length: 5 }, () => openPostgres({ url, origin: ORIGIN, signer, poolSize: 1 })));
  const stores = opened.map((result) => {
    assert.ok(result.ok, result.ok ? "" : result.error.message);
    return result.value;
  });
  t.after(async () => void (await Promise.all(stores.map((store) => store.close()))));
  const heads = await Promise.all(stores.map((store) => store.head()));
  assert.equal(new Set(heads.map(({ checkpoint }) => checkpoint)).size, 1);
});

for (const kind of ["sqlite", "postgres"] satisfies Kind[]) {
  test(`${kind}: [ST-32] a migration that is killed half-way leaves the earlier version`, async (t) => {
    const folder = temporaryFolder(t);
    const place = kind === "sqlite" ? join(folder, "pawl.db") : await freshDatabase(t);
    const script = join(import.meta.dirname, "child-migrate.ts");
    const run = (mode: string) => spawnSync(process.execPath, [script, kind, place, mode], { encoding: "utf8" });
    assert.deepEqual(JSON.parse(run("first").stdout), { migrated: true, tables: ["one", "pawl_migrations"] });
    assert.equal(run("killed").signal, "SIGKILL");
    assert.deepEqual(JSON.parse(run("look").stdout), { version: 1, tables: ["one", "pawl_migrations"] });
    assert.deepEqual(JSON.parse(run("second").stdout), { migrated: true, tables: ["one", "pawl_migrations", "three", "two"] });
    assert.deepEqual(JSON.parse(run("look").stdout), { version: 2, tables: ["one", "pawl_migrations", "three", "two"] });
  });
}
