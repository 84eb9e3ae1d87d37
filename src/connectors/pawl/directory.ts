import type { Effect, EffectKind, Finding, Severity } from "../../core/plan/index.ts";
import { ownerOf, type Directory, type Machine } from "../../core/review/index.ts";

/** Who gains and who loses what: one effect each, so that policy and reviewers see people rather than a text. */
export function directoryEffects(before: Directory, after: Directory): readonly Effect[] {
  const [old, next] = [holdings(before), holdings(after)];
  const gained = [...next.keys()].filter((k) => !old.has(k)).map((k) => effect("grant", k, next.get(k) ?? k));
  const lost = [...old.keys()].filter((k) => !next.has(k)).map((k) => effect("revoke", k, old.get(k) ?? k));
  return [...gained, ...lost, ...renamed(before, after)];
}

/** A display name is how reviewers tell people apart, so no two can be swapped unseen. */
function renamed(before: Directory, after: Directory): readonly Effect[] {
  const names = new Map(before.persons.map(({ id, name }) => [id, name]));
  return after.persons.flatMap(({ id, name }) => {
    const old = names.get(id);
    return old === undefined || old === name ? [] : [effect("update", `person/${id}/name`, `${old} (${id}) is now called ${name}`)];
  });
}

/** What a reviewer must not overlook in a long text. */
export function directoryFindings(before: Directory, after: Directory): readonly Finding[] {
  const admins = after.persons.some((person) => person.active && person.roles.includes("admin"));
  const none = "no active person has the role admin any more, so nobody can make tokens for others";
  const all = [...(admins ? [] : [finding("no_admin", "danger", none)]), ...machineFindings(before, after)];
  const rest = all.length - MOST_FINDINGS;
  return [
    ...all.slice(0, MOST_FINDINGS),
    ...(rest > 0 ? [finding("more", "danger", `and ${rest} more findings: read the whole text`)] : []),
  ];
}

const MOST_FINDINGS = 200;

/** An owner answers for what a machine does and never signs for it: another one lets the former sign. */
function machineFindings(before: Directory, after: Directory): readonly Finding[] {
  const old = new Map(before.machines.map((machine) => [machine.id, machine]));
  const [leftBefore, leftNow] = [orphaned(before), orphaned(after)];
  return after.machines.flatMap((machine) => {
    const was = old.get(machine.id);
    const moved = was !== undefined && was.owner !== machine.owner;
    const orphan = leftNow(machine) && (was === undefined || moved || !leftBefore(was));
    return [
      ...(moved ? [finding("owner_changed", "danger", `${machine.id} was owned by ${was.owner} and would be by ${machine.owner}`)] : []),
      ...(orphan ? [finding("owner_inactive", "warning", `${machine.id} is active, but who answers for it is not: ${machine.owner}`)] : []),
    ];
  });
}

/** Whether a machine acts while the person at the end of its chain of owners does not. */
function orphaned(directory: Directory): (machine: Machine) => boolean {
  const active = new Set<string>(directory.persons.filter((person) => person.active).map(({ id }) => `human:${id}`));
  return ({ id, active: acts }) => {
    return acts && !active.has(ownerOf(directory, id));
  };
}

const finding = (code: string, severity: Severity, message: string): Finding => ({
  code: `pawl.${code}`,
  severity,
  message,
  resource: "pawl:directory",
  provenance: "derived",
});

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

function effect(kind: EffectKind & ("grant" | "revoke" | "update"), name: string, sentence: string): Effect {
  return {
    kind,
    resource: `pawl:directory#${name}`,
    resourceKind: kind === "update" ? "person" : "permission",
    system: "pawl",
    environment: "control",
    summary: kind === "revoke" ? `no longer: ${sentence}` : sentence,
    fields: [],
    detail: { kind: "none" },
    reversibility: "reversible",
    exposure: "internal",
    privilege: kind === "grant" ? "gained" : kind === "revoke" ? "lost" : "none",
    surfaces: ["pawl"],
    owners: [],
    provenance: "derived",
  };
}
