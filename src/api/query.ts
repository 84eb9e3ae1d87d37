import { createRequire } from "node:module";
import type { TObject, TSchema } from "typebox";
import type * as Compiling from "typebox/compile";
import { fail, ok, type Json, type Refusal, type Result } from "../core/base/index.ts";
import { refused, type ApiRefusal } from "./problems.ts";

interface Parameter {
  readonly type?: string;
  readonly default?: Json;
}

/** Told at once; a query of nothing but faults is not answered with more than was asked. */
const MOST_FAULTS = 20;

/** Reads a query by its schema: an unknown, repeated or ill-typed parameter is a fault, and all faults are told at once. */
export function queryReader(schema: TObject): (raw: string) => Result<Record<string, unknown>, ApiRefusal> {
  const known = schema.properties as Readonly<Record<string, Parameter>>;
  const check = checker(schema, "");
  const nothing = Object.keys(known).length === 0;
  return (raw) => {
    const read: Record<string, unknown> = {};
    if (raw === "" && nothing) return ok(read);
    const faults: Refusal[] = [];
    for (const [name, value] of new URLSearchParams(raw)) {
      if (faults.length >= MOST_FAULTS) break;
      const parameter = known[name];
      if (!Object.hasOwn(known, name) || parameter === undefined) faults.push(unknownName(name.slice(0, 64), Object.keys(known)));
      else if (Object.hasOwn(read, name)) faults.push({ code: "repeated", message: "is given more than once", where: name });
      else read[name] = convert(parameter, value);
    }
    for (const [name, { default: standard }] of Object.entries(known)) {
      if (standard !== undefined && !Object.hasOwn(read, name)) read[name] = standard;
    }
    faults.push(...check(read));
    return faults.length === 0 ? ok(read) : fail(refused("invalid", "query", "the query is not valid", { faults }));
  };
}

function unknownName(name: string, known: readonly string[]): Refusal {
  return {
    code: "unknown",
    message: "is not known here",
    where: name,
    remedy: known.length === 0 ? "send no query" : `known: ${known.join(", ")}`,
  };
}

/** A value of the parameter's type if it reads as one; otherwise the text, for the schema to refuse. */
function convert({ type }: Parameter, value: string): unknown {
  if (type === "integer") return /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (type === "boolean") return value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : value;
  return type === "array" ? value.split(",") : value;
}

/** For the bodies that the API takes apart itself. */
export function bodyReader<T>(schema: TSchema): (body: Json | undefined) => Result<T, ApiRefusal> {
  const check = checker(schema, "/");
  return (body) => {
    const faults = check(body);
    return faults.length === 0 ? ok(body as T) : fail(refused("invalid", "invalid", "the body is not valid", { faults }));
  };
}

const load = createRequire(import.meta.url);

/** The compiler brings hundreds of files along: a server starts without it, and it comes with the first thing to check. */
function checker(schema: TSchema, prefix: string): (value: unknown) => Refusal[] {
  let ready: Compiling.Validator | undefined;
  return (value) => {
    const compiled = (ready ??= (load("typebox/compile") as typeof Compiling).Compile(schema));
    if (compiled.Check(value)) return [];
    const errors = compiled.Errors(value).filter(({ keyword }) => keyword !== "boolean");
    return errors.map((error) => ({
      code: error.keyword,
      message: error.keyword === "enum" ? `must be one of ${error.params.allowedValues.join(", ")}` : error.message,
      where: `${prefix}${error.instancePath.slice(1)}`,
    }));
  };
}
