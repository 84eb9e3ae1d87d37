import type { Admitted } from "../../control/ports.ts";
import { fail, isObject, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { Faults } from "../kit.ts";
import { SQL_LIMITS } from "./types.ts";
import type { Param, SqlDatabase, SqlInput, SqlOptions } from "./types.ts";

export type AdmitCode = "sql_input_invalid" | "sql_database_unknown" | "sql_too_large" | "sql_secret";

const SHAPE = "{ database, statements, parameters?, expect_rows?, verify? }";
const KEYS = new Set(["database", "statements", "parameters", "expect_rows", "verify"]);

/** Everything about an input that can be known without looking at the database. */
export async function admitInput(
  input: Json,
  databases: ReadonlyMap<string, SqlDatabase>,
  findSecrets: SqlOptions["findSecrets"],
): Promise<Result<Admitted, readonly Refusal[]>> {
  const read = readInput(input, databases);
  if (!read.ok) return read;
  const faults = new Faults<AdmitCode>();
  const { statements, parameters, verify } = read.value;
  const texts: [string, string][] = [
    ["statements", statements],
    ...parameters.map((value, i): [string, string] => [`parameters[${i}]`, String(value)]),
    ...verify.map((value, i): [string, string] => [`verify[${i}]`, value]),
  ];
  for (const [where, text] of texts)
    for (const hit of await findSecrets(text))
      faults.add(
        "sql_secret",
        `holds what looks like a secret (${hit.rule})`,
        `input.${where}, line ${hit.line}`,
        "take the value out: what is stored here is shown to reviewers; if it was ever real, replace it where it is used",
      );
  if (faults.list.length > 0) return fail(faults.list);
  const system = `sql:${read.value.database}`;
  const environment = databases.get(read.value.database)?.environment ?? "";
  return ok({ input: input as JsonObject, names: { system, environment, resources: [`${system}#**`] } });
}

/** The input's shape and names. Also read again before each analysis: what is stored may have been declared otherwise since. */
export function readInput(input: Json, databases: ReadonlyMap<string, SqlDatabase>): Result<SqlInput, readonly Refusal[]> {
  const faults = new Faults<AdmitCode>();
  if (!isObject(input)) {
    faults.add("sql_input_invalid", "the input of an sql step is not an object", "input", `send ${SHAPE}`);
    return fail(faults.list);
  }
  for (const key of Object.keys(input).filter((name) => !KEYS.has(name)))
    faults.add("sql_input_invalid", `the member ${JSON.stringify(key.slice(0, 60))} is not known`, "input", `send ${SHAPE}`);
  const database = readDatabase(input["database"], databases, faults);
  const statements = readText(input["statements"], "statements", faults);
  const parameters = readParameters(input["parameters"], faults);
  const verify = readVerify(input["verify"], faults);
  const expectRows = input["expect_rows"];
  if (expectRows !== undefined && !(typeof expectRows === "number" && Number.isSafeInteger(expectRows) && expectRows >= 0))
    faults.add(
      "sql_input_invalid",
      "`expect_rows` is not a count",
      "input.expect_rows",
      "say how many rows must be affected, or leave it out",
    );
  if (faults.list.length > 0 || database === undefined || statements === undefined) return fail(faults.list);
  return ok({ database, statements, parameters, verify, ...(typeof expectRows === "number" && { expectRows }) });
}

function readDatabase(value: Json | undefined, databases: ReadonlyMap<string, SqlDatabase>, faults: Faults<AdmitCode>): string | undefined {
  const known = [...databases.keys()].toSorted().join(", ") || "none is declared";
  if (typeof value !== "string") return faults.add("sql_input_invalid", "`database` is missing", "input.database", `name one: ${known}`);
  if (databases.has(value)) return value;
  return faults.add(
    "sql_database_unknown",
    `no database ${JSON.stringify(value.slice(0, 80))} is declared`,
    "input.database",
    `name one: ${known}`,
  );
}

/** Text that a grammar may be given: whole characters, no NUL, in one normal form as everything that is hashed. */
function readText(value: Json | undefined, name: string, faults: Faults<AdmitCode>): string | undefined {
  const where = `input.${name}`;
  if (typeof value !== "string" || value.trim() === "")
    return faults.add("sql_input_invalid", `\`${name}\` is missing`, where, "give the statements as one text");
  if (Buffer.byteLength(value) > SQL_LIMITS.statementsBytes)
    return faults.add("sql_too_large", `the text is larger than ${SQL_LIMITS.statementsBytes} bytes`, where, "split the change");
  if (value.includes("\0") || !value.isWellFormed() || value.normalize("NFC") !== value)
    return faults.add("sql_input_invalid", "the text holds NUL, half a character, or is not in normal form C", where, "send plain text");
  return value;
}

function readParameters(value: Json | undefined, faults: Faults<AdmitCode>): readonly Param[] {
  if (value === undefined) return [];
  const remedy = "send a list of texts, numbers, booleans and nulls";
  if (!Array.isArray(value) || value.length > SQL_LIMITS.parameters) {
    faults.add("sql_input_invalid", `\`parameters\` is not a list of at most ${SQL_LIMITS.parameters}`, "input.parameters", remedy);
    return [];
  }
  for (const [i, item] of value.entries()) {
    if (item !== null && typeof item === "object")
      faults.add("sql_input_invalid", "is neither text nor number", `input.parameters[${i}]`, remedy);
    if (typeof item === "string" && (Buffer.byteLength(item) > SQL_LIMITS.parameterBytes || item.includes("\0") || !item.isWellFormed()))
      faults.add("sql_too_large", "is too large, or no plain text", `input.parameters[${i}]`, remedy);
  }
  return value as Param[];
}

function readVerify(value: Json | undefined, faults: Faults<AdmitCode>): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > SQL_LIMITS.verify) {
    faults.add(
      "sql_input_invalid",
      `\`verify\` is not a list of at most ${SQL_LIMITS.verify} queries`,
      "input.verify",
      "give queries that answer true",
    );
    return [];
  }
  return value.flatMap((item, i) => readText(item, `verify[${i}]`, faults) ?? []);
}
