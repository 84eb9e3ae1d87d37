import { canonical } from "../base/index.ts";

/** What differs only in its resource, to be said once, of all those resources; in the order in which each was met first. */
export function together<T extends { readonly resource?: string }>(
  items: readonly T[],
): readonly { readonly said: Omit<T, "resource">; readonly resources: readonly string[] }[] {
  const groups = new Map<string, { readonly said: Omit<T, "resource">; readonly resources: string[] }>();
  for (const { resource, ...said } of items) {
    // What is said of no resource is said of the whole, and not of those.
    const key = items.length === 1 ? "" : `${resource === undefined} ${canonical(said)}`;
    const group = groups.get(key) ?? { said, resources: [] };
    if (resource !== undefined) group.resources.push(resource);
    groups.set(key, group);
  }
  return [...groups.values()];
}
