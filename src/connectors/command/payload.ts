import { canonical, digestJson, fail, isObject, keyedDigestOf, ok, parseJson } from "../../core/base/index.ts";
import type { Digest, Json, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import type { CommandLook, Expectation, Program, State } from "../../core/operation/index.ts";
import type { ProgramDigest } from "./files.ts";

const SCHEMA = "pawl/command-payload/v1";

/** What surrounds a command: where it works, what it is given. */
export interface Around {
  readonly directory?: string;
  readonly files: readonly { readonly from: string; readonly as: string; readonly digest: Digest }[];
  readonly env: Readonly<Record<string, string>>;
  readonly pass: readonly string[];
}

/** Exactly what is approved and executed: each argument, and every program by what is in it. */
export interface CommandPayload {
  readonly schema: typeof SCHEMA;
  /** `command/shop/release`. */
  readonly operation: string;
  readonly around: Around;
  /** Of every program that is named below, each once. */
  readonly programs: readonly ProgramDigest[];
  readonly run: Program;
  readonly look?: CommandLook;
  readonly verify?: Expectation;
  readonly check?: Program;
  readonly undo?: { readonly operation: string; readonly around: Around; readonly run: Program };
  /** What was there when it was planned. */
  readonly before: Digest;
}

export function encodePayload(payload: Omit<CommandPayload, "schema">): Uint8Array {
  return Buffer.from(canonical(JSON.parse(JSON.stringify({ ...payload, schema: SCHEMA })) as Json));
}

/** What must still be so when it runs. A masked field counts by its keyed digest. */
export function stateDigest(key: Uint8Array, operation: string, look: CommandLook | undefined, { present, fields }: State): Digest {
  const shown = Object.entries(fields).map(([name, value]) => [
    name,
    look?.select?.[name]?.masked === true ? keyedDigestOf(key, canonical(value)) : value,
  ]);
  return digestJson({
    schema: "pawl/command-state/v1",
    operation,
    argv: look?.argv ?? null,
    present,
    fields: Object.fromEntries(shown) as JsonObject,
  });
}

const invalid = (why: string): Result<never, Refusal<"command_payload_invalid">> =>
  fail({ code: "command_payload_invalid", message: `the payload is not one of a command: ${why}`, remedy: "plan the change again" });

/** Payload bytes as they come back: their digest was compared by the caller, and they are read strictly all the same. */
export function decodePayload(bytes: Uint8Array): Result<CommandPayload, Refusal<"command_payload_invalid">> {
  const read = parseJson(bytes);
  if (!read.ok) return invalid(read.error.message);
  const { value } = read;
  if (!isObject(value) || value["schema"] !== SCHEMA) return invalid("it has another schema");
  if (canonical(value) !== new TextDecoder().decode(bytes)) return invalid("these are not the canonical bytes of one");
  const { undo, look, check, verify, programs } = value;
  const shaped =
    typeof value["operation"] === "string" &&
    typeof value["before"] === "string" &&
    isAround(value["around"]) &&
    Array.isArray(programs) &&
    programs.every((each) => isObject(each) && typeof each["path"] === "string" && typeof each["digest"] === "string") &&
    isProgram(value["run"]) &&
    (look === undefined || isProgram(look)) &&
    (check === undefined || isProgram(check)) &&
    (verify === undefined || (isObject(verify) && isObject(verify["fields"]))) &&
    (undo === undefined || (isObject(undo) && isProgram(undo["run"]) && isAround(undo["around"])));
  return shaped ? ok(value as unknown as CommandPayload) : invalid("a member is missing or of another kind");
}

const isTexts = (value: Json | undefined): boolean => Array.isArray(value) && value.every((each) => typeof each === "string");

const isProgram = (value: Json | undefined): boolean =>
  isObject(value) &&
  isTexts(value["argv"]) &&
  (value["argv"] as string[]).length > 0 &&
  typeof value["timeoutSeconds"] === "number" &&
  Array.isArray(value["success"]) &&
  Array.isArray(value["refused"]);

const isAround = (value: Json | undefined): boolean =>
  isObject(value) &&
  isTexts(value["pass"]) &&
  isObject(value["env"]) &&
  isTexts(Object.values(value["env"])) &&
  Array.isArray(value["files"]) &&
  value["files"].every((each) => isObject(each) && /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(typeof each["as"] === "string" ? each["as"] : ""));
