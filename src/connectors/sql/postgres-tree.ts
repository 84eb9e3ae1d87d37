import { nameOf } from "./names.ts";

/** A node of the parse tree, as libpg-query hands it over. */
export type Tree = Readonly<Record<string, unknown>>;

/** Every object below a node, with the name of the member that holds it; no recursion, since texts may nest deeply. */
export function* nodesOf(root: unknown): Generator<readonly [string, Tree]> {
  const open: (readonly [string, unknown])[] = [["", root]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [name, value] = next;
    if (value === null || typeof value !== "object") continue;
    if (!Array.isArray(value)) yield [name, value as Tree];
    for (const [key, inner] of Object.entries(value)) open.push([Array.isArray(value) ? name : key, inner]);
  }
}

export const word = (value: unknown): string => (typeof value === "string" ? value : "");

export const texts = (list: unknown): readonly string[] =>
  Array.isArray(list)
    ? list.flatMap((item: unknown) => ((item as Tree | null)?.["String"] as { readonly sval?: string } | undefined)?.sval ?? [])
    : [];

/** `pg_…` without a schema is the catalogue's: it is looked up before any other. */
export function tableName(range: Tree, schema: string): string {
  const [own, name] = [range["schemaname"], word(range["relname"])];
  return nameOf(typeof own === "string" ? own : name.startsWith("pg_") ? "pg_catalog" : schema, name);
}
