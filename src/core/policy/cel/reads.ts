import type { Machine, Run } from "./machine.ts";
import { CelError } from "./types.ts";
import type { CelValue, Outcome } from "./types.ts";
import { clip } from "./values.ts";

/** A strict function of one value that is not an error. */
export function test(run: Run, fn: (value: CelValue) => boolean): Run {
  return (m) => {
    const value = run(m);
    return value instanceof CelError ? value : fn(value);
  };
}

export function readField(of: Run, name: string, optional: boolean): Run {
  const absent = new CelError(`absent attribute: ${name}`);
  return (m) => {
    const base = of(m);
    if (base instanceof CelError) return base;
    const value = (base as Readonly<Record<string, CelValue | undefined>>)[name];
    return optional && value === undefined ? absent : (value as CelValue);
  };
}

/** Of a message that is never an error, a member that is always there. */
export const readSure =
  (of: Run, name: string): Run =>
  (m) =>
    (of(m) as Readonly<Record<string, CelValue>>)[name] as CelValue;

export function readItem(of: Run, at: Run): Run {
  return (m) => {
    const list = of(m);
    if (list instanceof CelError) return list;
    const index = at(m);
    if (index instanceof CelError) return index;
    const item = (list as readonly CelValue[])[Number(index)];
    return item === undefined ? new CelError(`index out of bounds: ${keyText(index)}`) : item;
  };
}

export function readEntry(of: Run, at: (m: Machine) => Outcome): Run {
  return (m) => {
    const map = of(m);
    if (map instanceof CelError) return map;
    const key = at(m);
    if (key instanceof CelError) return key;
    const value = (map as ReadonlyMap<CelValue, CelValue>).get(key);
    return value === undefined ? new CelError(`no such key: ${keyText(key)}`) : value;
  };
}

export function runAll(runs: readonly Run[], m: Machine): Outcome {
  const values: CelValue[] = [];
  for (const run of runs) {
    const value = run(m);
    if (value instanceof CelError) return value;
    values.push(value);
  }
  return values;
}

export function buildMap(keys: readonly Run[], values: readonly Run[]): Run {
  return (m) => {
    const map = new Map<CelValue, CelValue>();
    for (const [i, run] of keys.entries()) {
      const key = run(m);
      if (key instanceof CelError) return key;
      if (map.has(key)) return new CelError(`repeated map key: ${keyText(key)}`);
      const value = (values[i] as Run)(m);
      if (value instanceof CelError) return value;
      map.set(key, value);
    }
    return map;
  };
}

/** Keys are bool, int or string; a key that comes from the facts may be long. */
const keyText = (key: CelValue): string => (typeof key === "object" ? "…" : clip(String(key), 80));
