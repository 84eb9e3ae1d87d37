import { fail, ok, refuse } from "../base/index.ts";
import type { Json, Refusal, Result } from "../base/index.ts";
import type { Argument, Arguments } from "./types.ts";

/** `{name}` stands for an argument, `{before.name}` for a field of the state before, `{{` and `}}` for a brace. */
type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly from: "argument" | "before"; readonly name: string };

/** What a template is filled from. */
export interface Values {
  readonly args: Arguments;
  readonly before?: Readonly<Record<string, Json>>;
}

const TOKEN = /\{\{|\}\}|\{(before\.)?([a-z][a-z0-9_]{0,31})\}|[{}]/g;

/** The parts of a template, or undefined where a brace stands alone. */
export function partsOf(source: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  let at = 0;
  for (const match of source.matchAll(TOKEN)) {
    if (match.index > at) parts.push({ kind: "text", text: source.slice(at, match.index) });
    at = match.index + match[0].length;
    if (match[0] === "{{" || match[0] === "}}") parts.push({ kind: "text", text: match[0].slice(1) });
    else if (match[2] === undefined) return undefined;
    else parts.push({ kind: "value", from: match[1] === undefined ? "argument" : "before", name: match[2] });
  }
  if (at < source.length) parts.push({ kind: "text", text: source.slice(at) });
  return parts;
}

export type TemplateCode = "operation_template";

const absent = (name: string): Result<never, Refusal<TemplateCode>> =>
  refuse("operation_template", `the state before has no field ${name} that could be filled in`, {
    remedy: "have the probe select it, or undo in another way",
  });

function valueOf(part: Part & { readonly kind: "value" }, { args, before }: Values): Json | Argument | undefined {
  const from: Readonly<Record<string, Json | Argument>> = part.from === "argument" ? args : (before ?? {});
  return Object.hasOwn(from, part.name) ? from[part.name] : undefined;
}

/** As text; what is filled in goes through `encode`, what the declaration itself says does not. */
export function expandText(
  source: string,
  values: Values,
  encode: (text: string) => string = (text) => text,
): Result<string, Refusal<TemplateCode>> {
  let text = "";
  for (const part of partsOf(source) ?? []) {
    if (part.kind === "text") text += part.text;
    else {
      const value = valueOf(part, values);
      if (value === undefined || value === null || typeof value === "object") return absent(part.name);
      text += encode(String(value));
    }
  }
  return ok(text);
}

/** As JSON: a text that is one placeholder and nothing else becomes the value itself, with its type. */
export function expandJson(source: Json, values: Values): Result<Json, Refusal<TemplateCode>> {
  if (typeof source === "string") return expandLeaf(source, values);
  if (source === null || typeof source !== "object") return ok(source);
  const made: (readonly [string, Json])[] = [];
  for (const [key, member] of Object.entries(source)) {
    const value = expandJson(member, values);
    if (!value.ok) return value;
    made.push([key, value.value]);
  }
  return ok(Array.isArray(source) ? made.map(([, value]) => value) : (Object.fromEntries(made) as Json));
}

function expandLeaf(source: string, values: Values): Result<Json, Refusal<TemplateCode>> {
  const [only, ...more] = partsOf(source) ?? [];
  if (only?.kind !== "value" || more.length > 0) return expandText(source, values);
  const value = valueOf(only, values);
  return value === undefined ? absent(only.name) : ok(value as Json);
}

/** Everything but RFC 3986's unreserved characters: no value can end its segment, start a query, or escape an escape. */
export const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** A path in which values stand as whole characters of one segment. None of them can lead out of where it was put. */
export function expandPath(source: string, values: Values): Result<string, Refusal<"operation_path" | TemplateCode>> {
  const path = expandText(source, values, percentEncoded);
  if (!path.ok) return path;
  const [asked, made] = [source.split("/"), path.value.split("/")];
  const odd = made.find((segment, i) => segment === "." || segment === ".." || (segment === "" && asked[i] !== ""));
  return odd === undefined
    ? path
    : fail({
        code: "operation_path",
        message: `the path ${path.value} has a part that is ${odd === "" ? "empty" : odd}`,
        remedy: "give arguments that name something",
      });
}

/** Path and query of a request. */
export function expandTarget(
  { path, query }: { readonly path: string; readonly query: Readonly<Record<string, string>> },
  values: Values,
): Result<string, Refusal<"operation_path" | TemplateCode>> {
  const expanded = expandPath(path, values);
  if (!expanded.ok) return expanded;
  const pairs: string[] = [];
  for (const [name, template] of Object.entries(query)) {
    const value = expandText(template, values);
    if (!value.ok) return value;
    pairs.push(`${percentEncoded(name)}=${percentEncoded(value.value)}`);
  }
  return ok(pairs.length === 0 ? expanded.value : `${expanded.value}?${pairs.join("&")}`);
}

/** The names that a template asks for. */
export function namesIn(source: Json): readonly { readonly from: "argument" | "before"; readonly name: string; readonly alone: boolean }[] {
  if (typeof source === "string") {
    const parts = partsOf(source) ?? [];
    return parts.flatMap((part) => (part.kind === "value" ? [{ from: part.from, name: part.name, alone: parts.length === 1 }] : []));
  }
  return source === null || typeof source !== "object" ? [] : Object.values(source).flatMap(namesIn);
}
