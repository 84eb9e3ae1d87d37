import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePostgres } from "./postgres-parse.ts";
import { momentsIn } from "./sqlite-moment.ts";

const sqlite = (sql: string) => {
  const { decides, columns } = momentsIn(sql, () => ["id", "a", "b"]);
  return [decides.join(" "), columns.join(" ")];
};

test("[SQ-34] SQLite: a whole value is one, and anything else decides", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["UPDATE t SET a = datetime('now'), b=(hex(randomblob(16))) WHERE id=1", "", "t.a t.b"],
    ["UPDATE t SET a = CASE WHEN 1 THEN 2 ELSE 3 END, b = CURRENT_TIMESTAMP", "", "t.b"],
    ["UPDATE t SET a = CASE WHEN date('now') > '2026' THEN 'e' ELSE random() END", "date random", ""],
    ["UPDATE t SET a = iif(\"strftime\"('%Y', 'now') > 1, 1, 2)", "strftime", ""],
    ["UPDATE t SET a = a + random()", "random", ""],
    ["UPDATE t SET a = datetime('now') > b", "datetime", ""],
    ["UPDATE t SET a = datetime('now') || b", "datetime", ""],
    ["UPDATE t SET a = nullif(datetime('now'), b)", "datetime", ""],
    ["UPDATE t SET a = (SELECT random())", "random", ""],
    ["UPDATE t SET (a, b) = (1, random())", "random", ""],
    ["UPDATE t SET a = 1 WHERE d < date('n' || 'ow')", "date", ""],
    ["UPDATE t SET a = date(b), b = date('2026-01-01') WHERE date(t.c) < '2026-01-01'", "", ""],
    ["UPDATE t SET a = 'random()' -- random()\n, b = unixepoch()", "", "t.b"],
    ["INSERT INTO t (a, b) VALUES (1, current_timestamp), (date(), 2)", "", "t.b t.a"],
    ["INSERT INTO t SELECT id, datetime('now') FROM x", "", "t.a"],
    ["INSERT INTO t SELECT id, random() FROM x ORDER BY 2 LIMIT 1", "random", ""],
    ["INSERT INTO t SELECT *, random() FROM x", "random", ""],
    ["INSERT INTO t (a) VALUES (1) ON CONFLICT DO UPDATE SET b = datetime('now') RETURNING random()", "", "t.b .random()"],
    ["SELECT a, datetime('now'), random() AS r FROM t", "", ".datetime('now') .r"],
    ["SELECT a FROM t ORDER BY random()", "random", ""],
  ];
  for (const [sql, decides, columns] of cases) assert.deepEqual(sqlite(sql), [decides, columns], sql);
});

test("[SQ-34] PostgreSQL: a value, and what is computed of it alone, is one; anything else decides", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["UPDATE t SET a = now(), b = gen_random_uuid()::text, c = now() + interval '1 day', d = floor(random() * 9)::int WHERE id = 1", ""],
    ["UPDATE t SET a = CASE WHEN now() > '2026-01-01' THEN 1 ELSE 2 END", "now"],
    ["UPDATE t SET a = coalesce(now(), b)", "now"],
    ["UPDATE t SET a = (SELECT now())", "now"],
    ["UPDATE t SET a = now() || b", "now"],
    ["DELETE FROM t WHERE e < current_date", "the current time"],
    ["DELETE FROM t WHERE e < 'now'", "'now'"],
    ["DELETE FROM t WHERE age(e) > interval '1 day'", "age"],
    ["DELETE FROM t WHERE e = current_user", ""],
    ["INSERT INTO t VALUES (nextval('s'), now(), 'today') RETURNING now()", ""],
    ["INSERT INTO t SELECT id, random() FROM s", ""],
    ["INSERT INTO t SELECT id, random() FROM s ORDER BY 2 LIMIT 1", "random"],
    ["MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = now() WHEN NOT MATCHED THEN INSERT (a) VALUES (now())", ""],
    ["MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND now() > s.e THEN DELETE", "now"],
    ["CREATE TABLE t (a timestamptz DEFAULT now())", ""],
    ["SELECT now(), id FROM t", ""],
  ];
  for (const [sql, decides] of cases) assert.equal((await parsePostgres(sql, "public"))[0]?.moments.join(" "), decides, sql);
});
