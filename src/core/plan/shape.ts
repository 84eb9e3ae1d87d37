import type { JsonObject, Refusal } from "../base/index.ts";

export type ShapeCode =
  | "shape.missing"
  | "shape.unknown_member"
  | "shape.wrong_type"
  | "shape.too_long"
  | "shape.too_short"
  | "shape.too_many"
  | "shape.too_few"
  | "shape.out_of_range"
  | "shape.bad_format"
  | "shape.bad_text"
  | "shape.not_a_choice"
  | "shape.duplicate"
  | "shape.not_normal";

/** One description that both checks a raw value and is its JSON Schema, so that the two cannot drift apart. */
export interface Shape {
  readonly schema: JsonObject;
  /** Adds what is wrong with the value at JSON pointer `at`. No message ever repeats a value: it could be a secret. */
  check(value: unknown, at: string, faults: Faults): void;
}

/** The faults of one document: all of them, up to a bound that no honest document reaches. */
export class Faults {
  static readonly MOST = 200;
  readonly list: Refusal<ShapeCode>[] = [];

  add(code: ShapeCode, where: string, message: string, remedy?: string): void {
    if (this.list.length >= Faults.MOST) return;
    this.list.push(remedy === undefined ? { code, message, where } : { code, message, where, remedy });
  }

  get full(): boolean {
    return this.list.length >= Faults.MOST;
  }
}

/** One more reference token on a JSON pointer (RFC 6901). */
export const pointer = (at: string, key: string | number): string =>
  typeof key === "string" && /[~/]/.test(key) ? `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}` : `${at}/${key}`;

/** What is written in messages in place of a value. */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return value === undefined ? "nothing" : `a ${typeof value}`;
}

const codePoints = (value: string): number => Array.from(value).length;

/** In Unicode mode a surrogate pair is one code point, so this class meets only halves that stand alone. */
export const WELL_FORMED = String.raw`^[^\uD800-\uDFFF]*$`;

export interface TextRules {
  readonly max: number;
  readonly min?: number;
  /** A regular expression the whole text must match, and how to name it in a message. */
  readonly pattern?: string;
  readonly what?: string;
}

export function text(rules: TextRules): Shape {
  const { max, min = 0, pattern = WELL_FORMED } = rules;
  // What is well formed has been asked already where nothing else is.
  const expected = pattern === WELL_FORMED ? undefined : new RegExp(pattern, "u");
  const schema: JsonObject = { type: "string", maxLength: max, pattern, ...(min > 0 ? { minLength: min } : {}) };
  return {
    schema,
    check(value, at, faults) {
      if (typeof value !== "string") return faults.add("shape.wrong_type", at, `expected text, found ${typeName(value)}`);
      if (!value.isWellFormed())
        return faults.add("shape.bad_text", at, "half of a surrogate pair stands alone", "send well-formed Unicode");
      const length = value.length <= max && value.length >= 2 * min ? value.length : codePoints(value);
      if (length > max) return faults.add("shape.too_long", at, `${length} characters, at most ${max} are allowed`);
      if (length < min) return faults.add("shape.too_short", at, min === 1 ? "must not be empty" : `at least ${min} characters are needed`);
      if (expected?.test(value) === false) faults.add("shape.bad_format", at, `expected ${rules.what ?? `text that matches ${pattern}`}`);
    },
  };
}

export function integer(min: number, max: number): Shape {
  return {
    schema: { type: "integer", minimum: min, maximum: max },
    check(value, at, faults) {
      if (!Number.isInteger(value)) return faults.add("shape.wrong_type", at, `expected a whole number, found ${typeName(value)}`);
      const fits = (value as number) >= min && (value as number) <= max;
      if (!fits) faults.add("shape.out_of_range", at, `expected a number from ${min} to ${max}`);
    },
  };
}

export function choice(options: readonly string[]): Shape {
  return {
    schema: { type: "string", enum: [...options] },
    check(value, at, faults) {
      if (typeof value !== "string") return faults.add("shape.wrong_type", at, `expected text, found ${typeName(value)}`);
      if (!options.includes(value)) faults.add("shape.not_a_choice", at, `expected one of ${options.join(", ")}`);
    },
  };
}

export interface ListRules {
  readonly max: number;
  readonly min?: number;
}

export function list(item: Shape, { max, min = 0 }: ListRules): Shape {
  return {
    schema: { type: "array", items: item.schema, maxItems: max, ...(min > 0 ? { minItems: min } : {}) },
    check(value, at, faults) {
      if (!Array.isArray(value)) return faults.add("shape.wrong_type", at, `expected a list, found ${typeName(value)}`);
      if (value.length > max) return faults.add("shape.too_many", at, `${value.length} entries, at most ${max} are allowed`);
      if (value.length < min) faults.add("shape.too_few", at, `at least ${min} ${min === 1 ? "entry is" : "entries are"} needed`);
      for (const [i, entry] of value.entries()) {
        if (faults.full) return;
        item.check(entry, pointer(at, i), faults);
      }
    },
  };
}

export const isRawObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Own members only; a member that is `undefined` is not there, as JSON has it. */
const members = (value: object): [string, unknown][] => Object.entries(value).filter(([, member]) => member !== undefined);

/** How a name that is somebody else's is put into a message: bounded, and as JSON text so that nothing in it is live. */
const quoted = (name: string): string => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);

export function object(required: Readonly<Record<string, Shape>>, optional: Readonly<Record<string, Shape>> = {}): Shape {
  const known = new Map(Object.entries({ ...required, ...optional }));
  const needed = Object.keys(required);
  const places = new Map([...known.keys()].map((name) => [name, pointer("", name)]));
  const properties = Object.fromEntries([...known].map(([name, shape]) => [name, shape.schema]));
  return {
    schema: { type: "object", properties, required: Object.keys(required), additionalProperties: false },
    check(value, at, faults) {
      if (!isRawObject(value)) return faults.add("shape.wrong_type", at, `expected an object, found ${typeName(value)}`);
      for (const name of needed) {
        if (!Object.hasOwn(value, name) || value[name] === undefined) faults.add("shape.missing", pointer(at, name), `${name} is missing`);
      }
      for (const name of Object.keys(value)) {
        const member = value[name];
        if (member === undefined) continue;
        const shape = known.get(name);
        if (shape) shape.check(member, `${at}${places.get(name)}`, faults);
        else
          faults.add(
            "shape.unknown_member",
            pointer(at, name),
            `${quoted(name)} is not known here`,
            `known are ${[...known.keys()].join(", ")}`,
          );
      }
    },
  };
}

/** An object with names of the data's own choosing. */
export function record(name: Shape, entry: Shape, max: number): Shape {
  return {
    schema: { type: "object", propertyNames: name.schema, additionalProperties: entry.schema, maxProperties: max },
    check(value, at, faults) {
      if (!isRawObject(value)) return faults.add("shape.wrong_type", at, `expected an object, found ${typeName(value)}`);
      const present = members(value);
      if (present.length > max) return faults.add("shape.too_many", at, `${present.length} members, at most ${max} are allowed`);
      for (const [key, member] of present) {
        name.check(key, pointer(at, key), faults);
        entry.check(member, pointer(at, key), faults);
      }
    },
  };
}

/** A union told apart by one member. */
export function tagged(tag: string, variants: Readonly<Record<string, Readonly<Record<string, Shape>>>>): Shape {
  const shapes = new Map(Object.entries(variants).map(([name, rest]) => [name, object({ [tag]: choice([name]), ...rest })]));
  return {
    schema: { oneOf: [...shapes.values()].map((shape) => shape.schema) },
    check(value, at, faults) {
      if (!isRawObject(value)) return faults.add("shape.wrong_type", at, `expected an object, found ${typeName(value)}`);
      const name = value[tag];
      const shape = typeof name === "string" ? shapes.get(name) : undefined;
      if (shape) shape.check(value, at, faults);
      else faults.add("shape.not_a_choice", pointer(at, tag), `expected ${tag} to be one of ${[...shapes.keys()].join(", ")}`);
    },
  };
}

/** A shape that is written once, in the schema's `$defs`, and referred to by name: so it may be recursive. */
export interface Named extends Shape {
  readonly definition: JsonObject;
}

export const named = (name: string, shape: Shape): Named => ({
  schema: { $ref: `#/$defs/${name}` },
  definition: shape.schema,
  check: (value, at, faults) => shape.check(value, at, faults),
});

/** A shape with a further check that JSON Schema has no words for. */
export function also(shape: Shape, further: Shape["check"]): Shape {
  return {
    schema: shape.schema,
    check(value, at, faults) {
      const before = faults.list.length;
      shape.check(value, at, faults);
      if (faults.list.length === before) further(value, at, faults);
    },
  };
}
