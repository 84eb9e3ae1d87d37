/** What is fuzzed: a parser of something from outside, hostile input for it, and what must hold of whatever it answers. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { never, type Json } from "../../src/core/base/index.ts";

export interface Target<I = unknown> {
  readonly name: string;
  readonly input: fc.Arbitrary<I>;
  /** How a kept input is read back from its file. */
  readonly from: (bytes: Buffer) => I;
  readonly to: (input: I) => string | Uint8Array;
  /** Throws when the parser crashed or answered what it may not answer. */
  readonly check: (input: I) => void;
}

/** Each target is run with its own inputs only, so that nobody else has to know their type. */
const sealed = <I>(target: Target<I>): Target => target as unknown as Target;

export const textTarget = (name: string, input: fc.Arbitrary<string>, check: (text: string) => void): Target =>
  sealed({ name, input, from: (bytes) => bytes.toString("utf8"), to: (text) => text, check });

export const bytesTarget = (name: string, input: fc.Arbitrary<Uint8Array>, check: (bytes: Uint8Array) => void): Target =>
  sealed({ name, input, from: (bytes) => new Uint8Array(bytes), to: (bytes) => bytes, check });

/** Documents that were read as JSON before they come here. */
export const jsonTarget = (name: string, input: fc.Arbitrary<unknown>, check: (value: Json) => void): Target =>
  sealed({
    name,
    // As they come from outside: whatever JSON cannot say is gone.
    input: input.map((value) => JSON.parse(JSON.stringify(value) ?? "null") as Json),
    from: (bytes) => JSON.parse(bytes.toString("utf8")) as Json,
    to: (value) => JSON.stringify(value),
    check,
  });

/** Characters that break readers: controls, line ends of other systems, what is not seen, halves of characters, digits of other scripts. */
const NASTY = [
  "\0",
  "\n",
  "\r",
  "\r\n",
  "\t",
  "\u001b[2J",
  "\u0085",
  "\u00a0",
  "\u00ad",
  "\u200b",
  "\u202e",
  "\u2028",
  "\u2066",
  "\ufeff",
  "\ufffd",
  "\ud800",
  "\udc00",
  "\u0661",
  "e\u0301",
  "\u{1f512}",
  "\u{e0041}",
  '"',
  "'",
  "\\",
  "`",
  "$",
  "{",
  "}",
  "[",
  "]",
  "<",
  ">",
  "&",
  "*",
  "!",
  "%",
  "|",
  "#",
  ":",
  "-",
  "..",
  "/",
  "//",
  "__proto__",
  "constructor",
  "toString",
  "NaN",
  "-0",
  "1e400",
  "9007199254740993",
  "0x10",
  "null",
  "true",
] as const;

type Edit =
  | { readonly kind: "insert"; readonly at: number; readonly text: string }
  | { readonly kind: "delete" | "double"; readonly at: number; readonly length: number }
  | { readonly kind: "move"; readonly at: number; readonly to: number; readonly length: number }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "repeat"; readonly at: number; readonly length: number; readonly times: number };

const place = fc.double({ min: 0, max: 1, noNaN: true });
const length = fc.oneof({ weight: 5, arbitrary: fc.nat(3) }, { weight: 2, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(4_000) });

const editOf = (words: readonly string[]): fc.Arbitrary<Edit> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("insert" as const), at: place, text: fc.constantFrom(...NASTY, ...words) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("insert" as const), at: place, text: fc.string({ unit: "binary", maxLength: 8 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("delete" as const, "double" as const), at: place, length }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("move" as const), at: place, to: place, length }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: place }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("repeat" as const), at: place, length: fc.nat(20), times: fc.nat(3_000) }) },
  );

function edited(text: string, edit: Edit): string {
  const at = Math.floor(edit.at * text.length);
  const end = "length" in edit ? Math.min(text.length, at + edit.length) : at;
  const piece = text.slice(at, end);
  switch (edit.kind) {
    case "insert":
      return text.slice(0, at) + edit.text + text.slice(at);
    case "delete":
      return text.slice(0, at) + text.slice(end);
    case "double":
      return text.slice(0, end) + text.slice(at);
    case "cut":
      return text.slice(0, at);
    case "repeat":
      return text.slice(0, at) + piece.repeat(edit.times) + text.slice(end);
    case "move": {
      const rest = text.slice(0, at) + text.slice(end);
      const to = Math.floor(edit.to * rest.length);
      return rest.slice(0, to) + piece + rest.slice(to);
    }
    default:
      return never(edit, "edit");
  }
}

/** Good input with a few edits: most of it still means something, so that a reader gets far before it stumbles. */
export function mangled(good: fc.Arbitrary<string>, words: readonly string[] = []): fc.Arbitrary<string> {
  return fc.tuple(good, fc.array(editOf(words), { maxLength: 6 })).map(([text, edits]) => edits.reduce(edited, text));
}

/** The same of bytes, with bytes changed here and there. */
export function mangledBytes(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const latin = mangled(good.map((bytes) => Buffer.from(bytes).toString("latin1")));
  return fc.tuple(latin, fc.array(fc.tuple(place, fc.nat(255)), { maxLength: 4 })).map(([text, changes]) => {
    const bytes = new Uint8Array(Buffer.from(text, "latin1"));
    for (const [at, value] of changes) if (bytes.length > 0) bytes[Math.floor(at * (bytes.length - 1))] = value;
    return bytes;
  });
}

/** Documents of any form: for whatever reads JSON that is well-formed and means nothing it knows. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constantFrom(null, true, false, 0, -1, 1.5, 2 ** 53 - 1, 1e21),
    fc.constantFrom(...NASTY.filter((text) => text.isWellFormed())),
    fc.string({ maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(
      fc.oneof(fc.constantFrom("id", "type", "steps", "$secret", "kind", "length", "toString"), fc.string({ maxLength: 8 })),
      tie("value"),
      { maxKeys: 5 },
    ),
  ),
})).value;

type Path = readonly (string | number)[];

function* pathsOf(value: unknown, at: Path = []): Generator<Path> {
  yield at;
  if (value === null || typeof value !== "object") return;
  for (const [name, member] of Object.entries(value)) yield* pathsOf(member, [...at, name]);
}

function replaced(value: unknown, path: Path, how: (old: unknown) => unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return how(value);
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string | number, unknown>;
  const made = replaced(copy[name], rest, how);
  if (made === undefined && !Array.isArray(copy)) delete copy[name];
  else copy[name] = made ?? null;
  return copy;
}

/** A good document in which some values, somewhere, are others, are gone, are doubled or are of another kind. */
export function mangledJson(good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.oneof(
    anyJson.map((value) => () => value),
    fc.constant(() => undefined),
    fc.constant((old: unknown) => [old, old]),
    fc.constant((old: unknown) => ({ ...(typeof old === "object" ? old : { value: old }), extra: old })),
    fc.constant((old: unknown) => (typeof old === "string" ? `${old}\u202e ` : typeof old === "number" ? -old : JSON.stringify(old))),
    fc.constant((old: unknown) => (Array.isArray(old) ? Array.from({ length: 300 }, () => (old as unknown[])[0] ?? 0) : "x".repeat(5_000))),
  );
  return fc.tuple(good, fc.array(fc.tuple(place, change), { maxLength: 3 })).map(([value, changes]) =>
    changes.reduce<unknown>((document, [at, how]) => {
      const paths = [...pathsOf(document)];
      return replaced(document, paths[Math.floor(at * (paths.length - 1))] ?? [], how);
    }, value),
  );
}

const CODE = /^[a-z][a-z0-9_.]{1,63}$/;
/** What one refusal may hold: it is shown to people, sent over wires and put into logs. */
const MAX_REFUSAL = 64 * 1024;
const MAX_FAULTS = 20_000;

/** A refusal is one of a known form, and not larger than somebody can read. */
export function isRefusal(error: unknown): void {
  const all = Array.isArray(error) ? (error as unknown[]) : [error];
  assert.ok(all.length > 0 && all.length <= MAX_FAULTS, `${all.length} faults`);
  for (const fault of all.slice(0, 200)) {
    const { code, message } = fault as { readonly code?: unknown; readonly message?: unknown };
    assert.ok(typeof code === "string" && CODE.test(code), `the code ${String(code)}`);
    assert.ok(typeof message === "string" && message.length > 0);
    assert.ok(JSON.stringify(fault).length <= MAX_REFUSAL, `a refusal of ${JSON.stringify(fault).length} characters`);
  }
}
