import { hiddenCharacters } from "../base/index.ts";
import type { Faults, YamlEntry, YamlNode } from "./yaml.ts";

/** A value of the text with the path by which messages name it. */
export interface At {
  readonly node: YamlNode;
  readonly path: string;
}

export type Reader<T> = (at: At) => T | undefined;

/** Readers of a text's shape. Each returns undefined after it has added a fault, so that all faults come out at once. */
export class Reading {
  readonly faults: Faults;

  constructor(faults: Faults) {
    this.faults = faults;
  }

  #name(at: At): string {
    return at.path || this.faults.words.noun.replace(/^an? /, "the ");
  }

  fault(at: At, message: string, remedy?: string): undefined {
    return this.faults.add(at.node.at, "shape", message, at.path || undefined, remedy);
  }

  /** The entries of a map by key; keys that are not known, and known ones that are missing, are faults. */
  map(at: At, required: readonly string[], optional: readonly string[] = []): ReadonlyMap<string, At> | undefined {
    if (at.node.kind !== "map") return this.fault(at, `${this.#name(at)} must be a map`);
    const known = [...required, ...optional];
    for (const entry of at.node.entries) if (!known.includes(entry.key)) this.#unknown(at, entry, known);
    const found = new Map(at.node.entries.map((entry) => [entry.key, { node: entry.value, path: join(at.path, entry.key) }]));
    for (const key of required) if (!found.has(key)) this.fault(at, `${this.#name(at)} lacks ${key}`);
    return found;
  }

  #unknown(at: At, { key, at: place }: YamlEntry, known: readonly string[]): void {
    this.faults.add(place, "unknown_key", `${this.#name(at)} has no key ${key}`, join(at.path, key), `known keys: ${known.join(", ")}`);
  }

  list<T>(at: At | undefined, most: number, read: Reader<T>): readonly T[] | undefined {
    if (!at) return undefined;
    if (at.node.kind !== "list") return this.fault(at, `${this.#name(at)} must be a list`);
    if (at.node.items.length > most) return this.fault(at, `${this.#name(at)} has more than ${most} elements`);
    const values = at.node.items.map((node, i) => read({ node, path: `${at.path}[${i}]` }));
    return values.every((value) => value !== undefined) ? values : undefined;
  }

  text(at: At | undefined, most: number, pattern?: RegExp): string | undefined {
    if (!at) return undefined;
    const value = at.node.kind === "scalar" ? at.node.value : undefined;
    if (typeof value !== "string") return this.fault(at, `${this.#name(at)} must be text`, "put it in quotes");
    if (value.trim() === "") return this.fault(at, `${this.#name(at)} is empty`);
    if (value.length > most) return this.fault(at, `${this.#name(at)} has more than ${most} characters`);
    const [hidden] = hiddenCharacters(value);
    if (hidden || !value.isWellFormed())
      return this.fault(at, `${this.#name(at)} holds ${hidden?.codePoint ?? "half of a surrogate pair"}, which does not show`);
    return pattern && !pattern.test(value) ? this.fault(at, `${this.#name(at)} must look like ${pattern.source}`) : value;
  }

  oneOf<T extends string>(at: At | undefined, words: readonly T[]): T | undefined {
    if (!at) return undefined;
    const value = at.node.kind === "scalar" ? at.node.value : undefined;
    const found = words.find((word) => word === value);
    return found ?? this.fault(at, `${this.#name(at)} must be one of ${words.join(", ")}`);
  }

  count(at: At | undefined, least: number, most: number): number | undefined {
    if (!at) return undefined;
    const value = at.node.kind === "scalar" ? at.node.value : undefined;
    const fits = typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
    return fits ? value : this.fault(at, `${this.#name(at)} must be a whole number from ${least} to ${most}`);
  }
}

export const join = (path: string, key: string): string => (path ? `${path}.${key}` : key);
