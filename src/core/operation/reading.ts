import { RE2JS } from "re2js";
import type { Json } from "../base/index.ts";
import { jsonOf, join } from "../yaml/index.ts";
import type { At, Reading } from "../yaml/index.ts";
import { namesIn, partsOf } from "./template.ts";
import type { Parameter, Select } from "./types.ts";

export const MEMBER = /^[a-z][a-z0-9_]{0,31}$/;
/** As the plan's schema wants an operation's name. */
export const OPERATION = /^[a-z][a-z0-9._-]{0,63}$/;
export const MOST = { systems: 200, operations: 200, members: 50, tests: 50, text: 2_000, template: 2_000, list: 200 };

/** Fields that an effect has beside those of the state: what is asked, and what a scope's limits count. */
const TAKEN = ["request", "command", "money", "recipients", "rows"];

/** The names that templates of one operation may ask for. */
export interface Names {
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly fields: readonly string[];
}

/** Those that may only be filled with arguments: the state before is known to an undo alone. */
export const onlyArguments = (parameters: Readonly<Record<string, Parameter>>): Names => ({ parameters, fields: [] });

/** Readers for what declarations are made of; like those of `Reading`, each adds a fault and answers undefined. */
export class Declaring {
  readonly read: Reading;

  constructor(read: Reading) {
    this.read = read;
  }

  /** A map with names of its own choosing; what is not there is empty. */
  record<T>(at: At | undefined, key: RegExp, each: (at: At, key: string) => T | undefined): Readonly<Record<string, T>> | undefined {
    if (at === undefined) return {};
    if (at.node.kind !== "map") return this.read.fault(at, `${at.path} must be a map`);
    if (at.node.entries.length > MOST.members) return this.read.fault(at, `${at.path} has more than ${MOST.members} members`);
    const made: [string, T][] = [];
    for (const { key: name, value } of at.node.entries) {
      const place = { node: value, path: join(at.path, name) };
      const member = key.test(name) ? each(place, name) : this.read.fault(place, `${name} must look like ${key.source}`);
      if (member !== undefined) made.push([name, member]);
    }
    return made.length === at.node.entries.length ? Object.fromEntries(made) : undefined;
  }

  optional<T>(at: At | undefined, read: (at: At) => T | undefined): T | undefined {
    return at === undefined ? undefined : read(at);
  }

  /** `[]` for what is not there. */
  texts(at: At | undefined, most: number, read: (at: At) => string | undefined): readonly string[] | undefined {
    return at === undefined ? [] : this.read.list(at, most, read);
  }

  numbers(at: At | undefined, least: number, most: number, otherwise: readonly number[]): readonly number[] | undefined {
    return at === undefined ? otherwise : this.read.list(at, MOST.list, (item) => this.read.count(item, least, most));
  }

  flag(at: At | undefined): boolean | undefined {
    if (at === undefined) return false;
    const value = at.node.kind === "scalar" ? at.node.value : undefined;
    return typeof value === "boolean" ? value : this.read.fault(at, `${at.path} must be true or false`);
  }

  /** A text with placeholders. */
  template(at: At | undefined, names: Names, pattern?: RegExp): string | undefined {
    const source = this.read.text(at, MOST.template, pattern);
    if (at === undefined || source === undefined) return undefined;
    return this.#names(at, source, names, false) ? source : undefined;
  }

  json(at: At | undefined, names: Names): Json | undefined {
    if (at === undefined) return undefined;
    const value = jsonOf(at.node);
    if (!isFinite(value)) return this.read.fault(at, `${at.path} holds a number that JSON has none of`);
    return this.#names(at, value, names, true) ? value : undefined;
  }

  #names(at: At, source: Json, { parameters, fields }: Names, lists: boolean): boolean {
    if (!textsIn(source).every((text) => partsOf(text) !== undefined)) {
      this.read.fault(at, `${at.path} holds a brace that is no placeholder`, "write {name}, or {{ for a brace");
      return false;
    }
    const faults = namesIn(source).flatMap(({ from, name, alone }) => {
      if (from === "before") return fields.includes(name) ? [] : [`{before.${name}} is no field that the probe selects for all to see`];
      const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
      if (parameter === undefined) return [`{${name}} is no parameter`];
      return parameter.type === "list" && !(alone && lists) ? [`{${name}} is a list and can only stand as a whole value of a body`] : [];
    });
    for (const fault of faults) this.read.fault(at, `${at.path}: ${fault}`);
    return faults.length === 0;
  }

  pattern(at: At | undefined): string | undefined {
    const source = this.read.text(at, 500);
    if (at === undefined || source === undefined) return undefined;
    try {
      RE2JS.compile(source);
      return source;
    } catch (error) {
      return this.read.fault(at, `${at.path} is no RE2 pattern: ${String(error).slice(0, 200)}`);
    }
  }

  pointer(at: At | undefined): string | undefined {
    if (at === undefined) return undefined;
    const { node } = at;
    // The empty pointer is the whole document.
    if (node.kind === "scalar" && node.value === "") return "";
    return this.read.text(at, 500, /^(\/([^~/]|~[01])*)*$/);
  }

  select(at: At | undefined): Readonly<Record<string, Select>> | undefined {
    return this.record(at, MEMBER, (each, name) => {
      if (TAKEN.includes(name)) return this.read.fault(each, `${each.path}: a plan has a field ${name} of its own`, "choose another name");
      if (each.node.kind === "scalar") {
        const pointer = this.pointer(each);
        return pointer === undefined ? undefined : { at: pointer, masked: false };
      }
      const entries = this.read.map(each, ["at"], ["masked"]);
      const pointer = this.pointer(entries?.get("at"));
      const masked = this.flag(entries?.get("masked"));
      return pointer === undefined || masked === undefined ? undefined : { at: pointer, masked };
    });
  }
}

const textsIn = (value: Json): readonly string[] =>
  typeof value === "string" ? [value] : value === null || typeof value !== "object" ? [] : Object.values(value).flatMap(textsIn);

/** YAML writes numbers that JSON cannot, and larger integers than a double holds. */
function isFinite(value: Json): boolean {
  if (typeof value === "number") return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return value === null || typeof value !== "object" || Object.values(value).every(isFinite);
}

/** The fields of a probe that may be filled in elsewhere. */
export const visibleFields = (select: Readonly<Record<string, Select>> | undefined): readonly string[] =>
  Object.entries(select ?? {}).flatMap(([name, { masked }]) => (masked ? [] : [name]));
