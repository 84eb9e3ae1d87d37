import { RE2JS } from "re2js";
import { fail, hiddenCharacters, isObject, never, ok } from "../base/index.ts";
import type { Json, Refusal, Result } from "../base/index.ts";
import type { Argument, Arguments, ItemParameter, Parameter } from "./types.ts";

export type ArgumentFault = Refusal<"operation_argument">;

/** Arguments as their operation asks for them, or every fault. A secret is none: it would have to be kept with the change. */
export function readArguments(parameters: Readonly<Record<string, Parameter>>, raw: Json): Result<Arguments, readonly ArgumentFault[]> {
  const known = Object.keys(parameters);
  const remedy = known.length === 0 ? "the operation takes no arguments" : `it takes: ${known.join(", ")}`;
  if (!isObject(raw)) return fail([{ code: "operation_argument", message: "must be an object of arguments", where: "", remedy }]);
  const faults: ArgumentFault[] = [];
  const add = (name: string, message: string, what = remedy): void =>
    void faults.push({ code: "operation_argument", message, where: `/${pointerPart(name)}`, remedy: what });
  for (const name of Object.keys(raw)) if (!Object.hasOwn(parameters, name)) add(name, "is no argument of the operation");
  const args: Record<string, Argument> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const value = Object.hasOwn(raw, name) ? raw[name] : undefined;
    const fault = value === undefined ? "is missing" : faultOf(parameter, value);
    if (fault === undefined) args[name] = value as Argument;
    else add(name, fault, `give ${wordsFor(parameter)}`);
  }
  return faults.length > 0 ? fail(faults) : ok(args);
}

const pointerPart = (name: string): string => name.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1");

const SECRET = "is a secret, which would have to be kept with the change: the declaration names a credential instead";

function faultOf(parameter: Parameter, value: Json): string | undefined {
  if (isObject(value)) return Object.hasOwn(value, "$secret") ? SECRET : "is an object";
  switch (parameter.type) {
    case "boolean":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "list": {
      if (!Array.isArray(value)) return "must be a list";
      if (value.length > parameter.maxItems) return `has more than ${parameter.maxItems} entries`;
      const fault = value
        .map((item) => (isObject(item) ? faultOf(parameter, item) : itemFault(parameter.of, item)))
        .find((each) => each !== undefined);
      return fault && `holds something that ${fault}`;
    }
    default:
      return itemFault(parameter, value);
  }
}

function itemFault(parameter: ItemParameter, value: Json): string | undefined {
  switch (parameter.type) {
    case "string":
      return textFault(parameter, value);
    case "integer": {
      const fits = typeof value === "number" && Number.isSafeInteger(value) && value >= parameter.min && value <= parameter.max;
      return fits ? undefined : `must be a whole number from ${parameter.min} to ${parameter.max}`;
    }
    case "money": {
      const form = new RegExp(`^(0|[1-9][0-9]{0,14})${parameter.digits === 0 ? "" : `\\.[0-9]{${parameter.digits}}`}$`);
      if (typeof value !== "string" || !form.test(value))
        return `must be an amount as text, with ${parameter.digits} digits after the point`;
      return Number(value) <= parameter.max ? undefined : `must be at most ${parameter.max}`;
    }
    default:
      return never(parameter, "parameter");
  }
}

function textFault(parameter: ItemParameter & { readonly type: "string" }, value: Json): string | undefined {
  if (typeof value !== "string" || value === "") return "must be text that is not empty";
  if (value.length > parameter.maxLength) return `has more than ${parameter.maxLength} characters`;
  if (!value.isWellFormed() || (parameter.lines !== true && /[\p{Cc}\u2028\u2029]/u.test(value))) return "holds a control character";
  if (value.normalize("NFC") !== value) return "is not in Unicode normalisation form C";
  const [hidden] = hiddenCharacters(value);
  if (hidden !== undefined) return `holds ${hidden.codePoint}, which does not show`;
  if (parameter.oneOf !== undefined && !parameter.oneOf.includes(value)) return `must be one of ${parameter.oneOf.join(", ")}`;
  return parameter.pattern === undefined || RE2JS.compile(parameter.pattern).matches(value)
    ? undefined
    : `must look like ${parameter.pattern}`;
}

export function wordsFor(parameter: Parameter): string {
  switch (parameter.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${parameter.min} to ${parameter.max}`;
    case "money":
      return `an amount of at most ${parameter.max}, such as "${(0).toFixed(parameter.digits)}"`;
    case "list":
      return `a list of at most ${parameter.maxItems}, each ${wordsFor(parameter.of)}`;
    case "string":
      if (parameter.oneOf !== undefined) return `one of ${parameter.oneOf.join(", ")}`;
      return `text of at most ${parameter.maxLength} characters${parameter.pattern === undefined ? "" : ` that looks like ${parameter.pattern}`}`;
    default:
      return never(parameter, "parameter");
  }
}
