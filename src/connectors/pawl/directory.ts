import type { Effect, EffectKind } from "../../core/plan/index.ts";
import type { Directory } from "../../core/review/index.ts";

/** Who gains and who loses what: one effect each, so that policy and reviewers see people rather than a text. */
export function directoryEffects(before: Directory, after: Directory): readonly Effect[] {
  const [old, next] = [holdings(before), holdings(after)];
  const gained = [...next.keys()].filter((k) => !old.has(k)).map((k) => effect("grant", k, next.get(k) ?? k));
  const lost = [...old.keys()].filter((k) => !next.has(k)).map((k) => effect("revoke", k, old.get(k) ?? k));
  return [...gained, ...lost];
}

/** Everything a directory gives to anybody, as sentences under stable names. */
function holdings(directory: Directory): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const person of directory.persons) {
    if (!person.active) continue;
    found.set(`person/${person.id}`, `${person.name} is an active person`);
    for (const role of person.roles) found.set(`role/${role}/${person.id}`, `${person.name} has the role ${role}`);
    for (const identity of person.identities) found.set(`identity/${identity}/${person.id}`, `${identity} signs as ${person.name}`);
  }
  for (const group of directory.groups) {
    for (const member of group.members) found.set(`group/${group.name}/${member}`, `${member} sits in the group ${group.name}`);
    for (const handle of group.handles) found.set(`handle/${handle}/${group.name}`, `${handle} means the group ${group.name}`);
  }
  for (const machine of directory.machines) {
    if (!machine.active) continue;
    found.set(`machine/${machine.id}/${machine.owner}`, `${machine.id} is active and owned by ${machine.owner}`);
    for (const whom of machine.actsFor) found.set(`acts-for/${machine.id}/${whom}`, `${machine.id} may act for ${whom}`);
  }
  return found;
}

function effect(kind: EffectKind & ("grant" | "revoke"), name: string, sentence: string): Effect {
  return {
    kind,
    resource: `pawl:directory#${name}`,
    resourceKind: "permission",
    system: "pawl",
    environment: "control",
    summary: kind === "grant" ? sentence : `no longer: ${sentence}`,
    fields: [],
    detail: { kind: "none" },
    reversibility: "reversible",
    exposure: "internal",
    privilege: kind === "grant" ? "gained" : "lost",
    surfaces: ["pawl"],
    owners: [],
    provenance: "derived",
  };
}
