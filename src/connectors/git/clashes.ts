import { folded } from "./names.ts";
import type { TreeChange } from "./types.ts";

/** New paths that other systems cannot tell from another path or folder of the result, each with that other. */
export function clashes(changes: readonly TreeChange[], treePaths: readonly string[]): readonly (readonly [string, string])[] {
  const fresh = changes.filter(({ before, after }) => before === undefined && after !== undefined).map(({ path }) => path);
  if (fresh.length === 0) return [];
  const spellings = new Map<string, Set<string>>();
  for (const path of treePaths) {
    for (const part of withFolders(path)) {
      const key = folded(part);
      const known = spellings.get(key);
      if (known === undefined) spellings.set(key, new Set([part]));
      else known.add(part);
    }
  }
  return fresh.flatMap((path) => {
    const other = withFolders(path).flatMap((part) => [...(spellings.get(folded(part)) ?? [])].filter((spelling) => spelling !== part));
    return other.length === 0 ? [] : [[path, other.toSorted()[0] ?? ""] as const];
  });
}

function withFolders(path: string): readonly string[] {
  const parts = [path];
  for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1)) parts.push(path.slice(0, cut));
  return parts;
}
