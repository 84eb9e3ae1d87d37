import { cloner } from "./clone.ts";

/** What is not plain JSON, or holds keys that an object cannot have in canonical order. */
export const FOREIGN = Symbol("foreign");

type Members = Record<string, unknown>;

/** Values nested deeper are foreign: whoever does not recurse may look at them, and at those that hold themselves. */
const DEPTH = 200;

/**
 * The value with the members of every object in the order of their UTF-16 units, as RFC 8785 wants them. What is in order
 * already is not copied.
 */
export function inOrder(value: unknown): unknown {
  novel = 0;
  return ordered(value, 0);
}

function ordered(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "object":
      if (value === null) return null;
      if (depth > DEPTH) return FOREIGN;
      return Array.isArray(value) ? arrayInOrder(value, depth + 1) : objectInOrder(value as Members, depth + 1);
    case "number":
      return Number.isFinite(value) ? value : FOREIGN;
    case "string":
    case "boolean":
    case "undefined":
      return value;
    default:
      return FOREIGN;
  }
}

function arrayInOrder(items: readonly unknown[] & { readonly toJSON?: unknown }, depth: number): unknown {
  if (Object.getPrototypeOf(items) !== Array.prototype || items.toJSON !== undefined) return FOREIGN;
  let copy: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (typeof item === "string") continue;
    const put = ordered(item, depth);
    if (put === FOREIGN) return FOREIGN;
    if (put === item) continue;
    copy ??= items.slice();
    copy[i] = put;
  }
  return copy ?? items;
}

function objectInOrder(value: Members, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return FOREIGN;
  const form = formOf(value);
  if (form === undefined) return FOREIGN;
  // A loop over the object itself is the quickest way to its members; that it finds no other keys is known from the form.
  let copy = form.template && form.clone(form.template);
  for (const key in value) {
    const member = value[key];
    const put = typeof member === "string" ? member : ordered(member, depth);
    if (put === FOREIGN) return FOREIGN;
    if (copy === undefined) {
      if (put === member) continue;
      copy = { ...value };
    }
    copy[key] = put;
  }
  latest = form;
  return copy ?? value;
}

/** The keys that an object has, in the order in which it has them. */
interface Form {
  readonly keys: readonly string[];
  /** An object with the same keys in canonical order; nothing where they are in order. */
  readonly template?: Members;
  readonly clone: ReturnType<typeof cloner>;
}

/** Objects are of a few forms, mostly that of their neighbour. They are found by the first key; there are not very many. */
const known = new Map<string, Form[]>();
const EMPTY: Form = { keys: [], clone: (template) => template };
let latest = EMPTY;
const MOST = { firsts: 250, each: 16, keys: 48, keyLength: 64, novel: 100 };
/** Forms that this value brought. To learn one costs more than to sort its keys once, so who brings many gets no more of it. */
let novel = 0;

function fits({ keys }: Form, value: Members): boolean {
  let i = 0;
  for (const key in value) if (key !== keys[i++]) return false;
  return i === keys.length;
}

function formOf(value: Members): Form | undefined {
  if (fits(latest, value)) return latest;
  for (const first in value) {
    const forms = known.get(first) ?? [];
    for (const form of forms) if (fits(form, value)) return form;
    const form = ++novel > MOST.novel ? undefined : newForm(Object.keys(value));
    if (form === undefined || !fits(form, value)) return undefined;
    if (form.keys.length <= MOST.keys && form.keys.every((key) => key.length <= MOST.keyLength)) remember(first, forms, form);
    return form;
  }
  return EMPTY;
}

/** What is full is forgotten: to learn it again costs less than to keep account of its use. */
function remember(first: string, forms: Form[], form: Form): void {
  if (forms.length >= MOST.each) forms.length = 0;
  if (known.size >= MOST.firsts) known.clear();
  forms.push(form);
  known.set(first, forms);
}

/** Undefined where no object has these keys in canonical order: those that are whole numbers come first in any, by size. */
function newForm(keys: readonly string[]): Form | undefined {
  const sorted = keys.toSorted();
  const template = templateOf(sorted);
  if (!sameKeys(Object.keys(template), sorted)) return undefined;
  const clone = cloner();
  return sameKeys(keys, sorted) ? { keys, clone } : { keys, clone, template };
}

/** Parsed, so that `__proto__` is a key as any other; each member held values of all kinds, so that none is new to it later. */
function templateOf(keys: readonly string[]): Members {
  const template = JSON.parse(`{${keys.map((key) => `${JSON.stringify(key)}:null`).join(",")}}`) as Members;
  for (const value of [1, 1.5, "", {}, null]) for (const key of keys) template[key] = value;
  return template;
}

const sameKeys = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((key, i) => key === b[i]);
