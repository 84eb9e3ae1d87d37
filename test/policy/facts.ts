/** The counts of a document of facts, by hand, so that generated facts agree with themselves. */
import type { Facts } from "../../src/core/policy/index.ts";

type Effect = Facts["effects"][number];

const unique = (items: readonly string[]): string[] => [...new Set(items)].toSorted();

export function summaryOf(effects: readonly Effect[]): Facts["summary"] {
  const count = (kind: string): number => effects.filter((e) => e.kind === kind).length;
  const sum = (key: "added" | "removed"): number => effects.reduce((total, e) => total + (e[key] ?? 0), 0);
  return {
    effects: effects.length,
    creates: count("create"),
    updates: count("update"),
    deletes: count("delete"),
    replaces: count("replace"),
    sends: count("send"),
    grants: count("grant"),
    revokes: count("revoke"),
    executes: count("execute"),
    systems: unique(effects.map((e) => e.system)),
    environments: unique(effects.map((e) => e.environment)),
    surfaces: unique(effects.flatMap((e) => e.surfaces)),
    owners: unique(effects.flatMap((e) => e.owners)),
    unowned: effects.filter((e) => e.owners.length === 0).length,
    irreversible: effects.filter((e) => e.reversibility !== "reversible" && e.reversibility !== "compensable").length,
    inspectable: effects.every((e) => e.inspectable),
    lines_added: sum("added"),
    lines_removed: sum("removed"),
  };
}
