import type { CelMessage, CelValue, Fields } from "./types.ts";

/**
 * The facts that are always there, laid out in one row, so that a condition reads each of them in one step. Facts below an
 * optional one, in a list or in a map have no place.
 */
export class Places {
  readonly #paths: (readonly string[])[] = [];
  readonly #places = new Map<string, number>();

  constructor(roots: Fields) {
    this.#add([], roots);
  }

  #add(above: readonly string[], fields: Fields): void {
    for (const [name, { type, optional }] of Object.entries(fields)) {
      const path = [...above, name];
      if (optional) continue;
      if (type.kind === "message") this.#add(path, type.fields);
      else this.#places.set(path.join("."), this.#paths.push(path) - 1);
    }
  }

  /** By names with dots between. */
  of(path: string): number | undefined {
    return this.#places.get(path);
  }

  row(facts: CelMessage): CelValue[] {
    return this.#paths.map((path) => {
      let value: CelValue | undefined = facts;
      for (const name of path) value = (value as CelMessage)[name];
      return value as CelValue;
    });
  }
}
