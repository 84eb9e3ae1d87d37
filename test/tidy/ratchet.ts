/** Exceptions only ever shrink: each has its number of today and its reason, and a smaller number must be written down. */
import { read } from "./tree.ts";

interface Exception {
  readonly check: string;
  readonly where: string;
  readonly count: number;
  readonly reason: string;
}

const file = "test/tidy/exceptions.json";
export const exceptions: readonly Exception[] = JSON.parse(read(file)) as Exception[];

/** Compares what a check found (place → number) with its limit and its exceptions; answers the faults. */
export function ratchet(check: string, found: ReadonlyMap<string, number>, limit: number, remedy: string): string[] {
  const allowed = new Map(exceptions.filter((e) => e.check === check).map((e) => [e.where, e]));
  const faults: string[] = [];
  for (const [where, count] of found) {
    const most = allowed.get(where)?.count ?? limit;
    if (count > most) faults.push(`${where}: ${count}, allowed ${most}. ${remedy}`);
  }
  for (const [where, exception] of allowed) {
    const count = found.get(where) ?? 0;
    if (count <= limit) faults.push(`${where}: needs its exception no more; remove it from ${file}`);
    else if (count < exception.count) faults.push(`${where}: now ${count}; lower its exception in ${file} from ${exception.count}`);
  }
  return faults;
}
