/** What may be asked, and what an operator may declare. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Json } from "../../core/base/index.ts";
import { admitInput } from "./admit.ts";
import { checkDatabases } from "./declare.ts";
import { decodePayload, encodePayload } from "./payload.ts";
import { SQL_LIMITS } from "./types.ts";
import type { SqlDatabase } from "./types.ts";

const SHOP: SqlDatabase = {
  name: "shop",
  kind: "postgres",
  environment: "production",
  urlEnv: "SHOP_URL",
  rehearse: "here",
  statementTimeoutSeconds: 30,
  lockTimeoutSeconds: 5,
  maxRows: 10,
  sampleRows: 5,
  backupDays: 30,
};
const DATABASES = new Map([["shop", SHOP]]);
const findSecrets = async (text: string) => (text.includes("hunter2") ? [{ rule: "test/password", line: 1 }] : []);

async function codes(input: Json): Promise<readonly string[]> {
  const answer = await admitInput(input, DATABASES, findSecrets);
  return answer.ok ? [] : answer.error.map(({ code, where }) => `${code} ${where ?? ""}`);
}

test("[SQ-1] a database is named, never addressed", async () => {
  assert.deepEqual(await codes({ database: "shop", statements: "SELECT 1" }), []);
  for (const database of ["other", "postgres://elsewhere/db", "../shop.sqlite"])
    assert.deepEqual(await codes({ database, statements: "SELECT 1" }), ["sql_database_unknown input.database"]);
  const answer = await admitInput({ database: "other", statements: "SELECT 1" }, DATABASES, findSecrets);
  assert.ok(!answer.ok && answer.error[0]?.remedy?.includes("shop"));
});

test("[SQ-2] every fault of an input is told at once", async () => {
  assert.deepEqual(await codes({ database: 1, statements: "", parameters: [{}], expect_rows: -1, verify: {}, more: 1 }), [
    "sql_input_invalid input",
    "sql_input_invalid input.database",
    "sql_input_invalid input.statements",
    "sql_input_invalid input.parameters[0]",
    "sql_input_invalid input.verify",
    "sql_input_invalid input.expect_rows",
  ]);
});

test("[SQ-3] texts and parameters are bounded and plain", async () => {
  const statements = "SELECT 1";
  assert.deepEqual(await codes({ database: "shop", statements: " ".repeat(SQL_LIMITS.statementsBytes) + "SELECT 1" }), [
    "sql_too_large input.statements",
  ]);
  for (const text of ["SELECT '\0'", "SELECT '\ud800'", "SELECT 'e\u0301'"])
    assert.deepEqual(await codes({ database: "shop", statements: text }), ["sql_input_invalid input.statements"]);
  assert.deepEqual(await codes({ database: "shop", statements, parameters: Array.from({ length: 1_001 }, () => 1) }), [
    "sql_input_invalid input.parameters",
  ]);
  assert.deepEqual(await codes({ database: "shop", statements, parameters: ["\0"] }), ["sql_too_large input.parameters[0]"]);
  assert.deepEqual(await codes({ database: "shop", statements, verify: Array.from({ length: 21 }, () => "SELECT true") }), [
    "sql_input_invalid input.verify",
  ]);
});

test("[SQ-4] [K78] a secret in statements, parameters or checks is refused, and not repeated", async () => {
  const input = { database: "shop", statements: "SELECT 'hunter2'", parameters: ["hunter2"], verify: ["SELECT 'hunter2' = ''"] };
  assert.deepEqual(await codes(input), [
    "sql_secret input.statements, line 1",
    "sql_secret input.parameters[0], line 1",
    "sql_secret input.verify[0], line 1",
  ]);
  assert.ok(!JSON.stringify(await admitInput(input, DATABASES, findSecrets)).includes("hunter2"));
});

test("[SQ-6] the derived scope is the database that is named", async () => {
  const answer = await admitInput({ database: "shop", statements: "SELECT 1" }, DATABASES, findSecrets);
  assert.deepEqual(answer.ok && answer.value.names, { system: "sql:shop", environment: "production", resources: ["sql:shop#**"] });
});

test("[SQ-5] all that is wrong with declarations is told, and an address is never one of them", () => {
  assert.deepEqual(checkDatabases([SHOP]), []);
  const wrong: SqlDatabase[] = [
    {
      ...SHOP,
      name: "Shop!",
      environment: "",
      urlEnv: "postgres://user:word@host/db",
      sensitive: ["x".repeat(5_000)],
      classes: ["users.email"],
    },
    { ...SHOP, name: "two", kind: "sqlite", rehearse: "copy" },
    { ...SHOP, name: "two", rehearse: "copy", path: "/x" },
  ];
  const faults = checkDatabases(wrong);
  assert.deepEqual(
    faults.map(({ where }) => where),
    [
      "databases[0].name",
      "databases[0].environment",
      "databases[0].url_env",
      "databases[0].sensitive",
      "databases[0].classes",
      "databases[1].url_env",
      "databases[1].path",
      "databases[2].name",
      "databases[2].path",
      "databases[2].copy_url_env",
    ],
  );
  assert.ok(!JSON.stringify(faults).includes("word@"));
});

test("[SQ-7] [B11] a payload is its own canonical bytes, and no others", () => {
  const payload = {
    database: "shop",
    statements: "SELECT 1",
    parameters: [1, "é", null, true],
    verify: [],
    volatile: [],
    rehearsed: true,
    once: false,
    objects: ["public.users"],
    undo: "planned" as const,
  };
  const bytes = encodePayload(payload);
  const read = decodePayload(bytes);
  assert.deepEqual(read.ok && read.value, { schema: "pawl/sql-payload/v1", ...payload });
  const text = Buffer.from(bytes).toString("utf8");
  for (const other of [
    text.replace("SELECT 1", "SELECT 1 "),
    ` ${text}`,
    text.replace('"planned"', '"certain"'),
    text.replace("[1,", "[{},"),
    text.replace("/v1", "/v2"),
  ]) {
    const answer = decodePayload(Buffer.from(other));
    assert.ok(!answer.ok || (answer.value.statements === "SELECT 1 " && other.includes("SELECT 1 ")), other);
  }
});
