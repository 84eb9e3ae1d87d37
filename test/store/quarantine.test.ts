import assert from "node:assert/strict";
import test from "node:test";
import { makeDatabase } from "./databases.ts";
import type { Kind } from "./databases.ts";
import { accepted, counted, payload, refused } from "./world.ts";

for (const kind of ["sqlite", "postgres"] satisfies Kind[]) {
  test(`${kind}: [ST-19, F55] a malformed state is quarantined and everything else goes on`, async (t) => {
    const database = await makeDatabase(kind, t);
    const before = await database.open();
    await accepted(before, { writes: ["a", "b", "c"].map((name, i) => counted(`change/${name}`, 0, 2, { createdAt: i })) });
    await before.close();
    await database.sql("UPDATE streams SET body = '{\"half\":' WHERE stream = 'change/a'");
    await database.sql("UPDATE streams SET status = 'approved' WHERE stream = 'change/b'");
    const store = await database.open();
    const malformed = await store.load("change/a");
    assert.equal(malformed?.status, "quarantined");
    assert.equal(malformed?.body, null);
    assert.match(malformed?.quarantined ?? "", /seal/);
    const { rows } = await store.list({ prefix: "change/", limit: 10 });
    assert.deepEqual(
      rows.map(({ stream, status }) => [stream, status]),
      [
        ["change/c", "open"],
        ["change/b", "quarantined"],
        ["change/a", "quarantined"],
      ],
    );
    assert.equal((await refused(store, { writes: [counted("change/a", 2)] })).code, "store_corrupt");
    await accepted(store, { writes: [counted("change/c", 2), counted("change/d", 0)] });
    assert.equal((await store.history("change/a", 0, 10)).length, 2);
  });

  test(`${kind}: [ST-21] a payload whose bytes no longer hash to its digest is not handed out`, async (t) => {
    const database = await makeDatabase(kind, t);
    const store = await database.open();
    const [good, bad] = [payload("good"), payload("approved")];
    await accepted(store, { writes: [counted("change/a", 0)], payloads: [good, bad] });
    await database.sql("UPDATE payloads SET bytes = ? WHERE digest = ?", payload("swapped").bytes, bad.digest);
    await assert.rejects(store.payload(bad.digest), /do not match it/);
    assert.deepEqual(await store.payload(good.digest), good);
  });
}
