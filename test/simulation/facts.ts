/** The small world that changes happen in: people, policies, and a target made of a few named values. */
import { canonical, type JsonObject, type PrincipalId } from "../../src/core/base/index.ts";
import type { Outcome } from "../../src/core/policy/index.ts";
import type { Directory, Person } from "../../src/core/review/index.ts";
import { person } from "../../src/testing/people.ts";
import { WORLD_DIRECTORY } from "../../src/testing/world-rules.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** Wednesday, noon. */
export const NOON = Date.UTC(2026, 8, 16, 12, 0, 0);

export const RESOURCES = ["alpha", "beta", "gamma", "delta"] as const;
export const VALUES = ["1", "2", "3"] as const;
export const PEOPLE = ["ada", "bo", "cy", "di", "ed", "flo", "hal"] as const;
export const MACHINES = ["agent:bot", "agent:sub"] as const;

/** Cannot be guessed, so wherever it turns up it was carried there. */
export const CANARY = "canary-7f3a9c51";
/** Words of people: in payloads only, and there salted. */
export const WORDS = "spoken-2e81d0";
/** What the world's scanner takes for a secret. */
export const LEAK = "hunter2";

/** Who is also where they could sign what they had a part in, and Bo's second account, until somebody notices. */
const ALSO: Readonly<Record<string, readonly string[]>> = { security: ["ada", "bo2"], identity: ["ada", "hal"] };

export const FIRST_PEOPLE: Directory = {
  ...WORLD_DIRECTORY,
  persons: [...WORLD_DIRECTORY.persons, { id: person("bo2"), name: "Bo", active: true, identities: ["@bo-private"], roles: [] }],
  groups: WORLD_DIRECTORY.groups.map((group) => ({ ...group, members: [...group.members, ...(ALSO[group.name] ?? []).map(person)] })),
};

/** What one step asks: set this resource to this value. */
export interface Wish {
  readonly resource: string;
  readonly value: string;
  readonly risk: "low" | "high";
  /** How the effect is known to the connector. */
  readonly known: "derived" | "claimed" | "unknown";
  /** It would touch more than it names. */
  readonly stray: boolean;
}

export const stepOf = (wish: Wish, tag: number): JsonObject => {
  const { resource, value, risk, known, stray } = wish;
  return { connector: "sim", input: { known, note: { $secret: `${CANARY}-${tag}` }, resource, risk, stray, tag, value } };
};

/** A policy as a few numbers. `hold`: a rule that holds, for good or in every even hour. `broken`: a rule that cannot be evaluated, since it asks for too much or for what is absent. */
export interface Bundle {
  readonly n: number;
  readonly low: Outcome | "silent";
  readonly high: "review" | "escalate";
  /** How many of security sign what is of high risk. */
  readonly count: 1 | 2;
  readonly hold: "no" | "always" | "even";
  readonly broken: "no" | "auto" | "review" | "absent";
  /** A freeze, always in force or for some of the world's time; and an emergency route, for a change of one's own too. Histories that were kept before have neither. */
  readonly frozen?: "always" | "spells";
  readonly glass?: "others" | "alone";
}
export const FIRST_BUNDLE: Bundle = { n: 0, low: "auto", high: "review", count: 1, hold: "no", broken: "no" };

/** Of `spells`: in minutes after noon, on the day of the world. */
const SPELLS = [
  [10, 22],
  [40, 75],
  [100, 110],
  [150, 240],
] as const;

/** Whether the freeze of this policy is in force. */
export const isFrozen = ({ frozen }: Bundle, at: number): boolean =>
  frozen === "always" || (frozen === "spells" && SPELLS.some(([from, to]) => at >= NOON + from * MINUTE && at < NOON + to * MINUTE));

/** Who breaks the glass, who reviews it, and within what time. */
export const GLASS = { who: ["admins", "security"], second: ["admins", "identity"], within: 15 * MINUTE } as const;

const wall = (minutes: number): string => `Wed ${12 + Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
const WINDOWS = {
  always: "{ from: Mon 00:00, to: Thu 00:00 }, { from: Thu 00:00, to: Mon 00:00 }",
  spells: SPELLS.map(([from, to]) => `{ from: ${wall(from)}, to: ${wall(to)} }`).join(", "),
};

function clockwork({ frozen, glass }: Bundle): string {
  const groups = (names: readonly string[]): string => names.map((group) => `{ group: ${group} }`).join(", ");
  return [
    frozen === undefined ? "" : `calendars: [{ name: quiet, zone: Etc/UTC, weekly: [${WINDOWS[frozen]}] }]\n`,
    frozen === undefined ? "" : `freezes: [{ name: quiet, calendar: quiet, when: '!("pawl" in summary.surfaces)', reason: simulated }]\n`,
    glass === undefined
      ? ""
      : `break_glass: { name: incident, who: [${groups(GLASS.who)}], alone: ${glass === "alone" ? "allowed" : "refused"}, second: { within: 15m, who: [${groups(GLASS.second)}] } }\n`,
  ].join("");
}

const needs = (outcome: Outcome): string => {
  if (outcome === "escalate") return "    seats: [{ id: owner, who: [{ owners: true }] }]\n";
  return outcome === "revise" ? "    instruction: { code: mend, message: mend it }\n" : "";
};

/** The first line says it all again, for whoever reads the text without the engine, with a mark by which no two texts are alike. */
export function bundleText(bundle: Bundle, mark = 0): string {
  const { n, low, high, count, hold, broken } = bundle;
  const rule = (id: string, outcome: Outcome, when: string, more = needs(outcome)): string =>
    `  - id: ${id}\n    outcome: ${outcome}\n    when: '${when}'\n    reason: simulated\n${more}`;
  const seats = `    seats:\n      - { id: owner, who: [{ owners: true }] }\n      - { id: security, who: [{ group: security }], count: ${count} }\n`;
  return [
    `# ${canonical({ ...bundle, mark })}\npawl: policy/v1\nname: sim-${n}\nrules:\n`,
    low === "silent" ? "" : rule("low", low, '!("auth" in summary.surfaces) && !("pawl" in summary.surfaces)'),
    rule("high", high, '"auth" in summary.surfaces', seats),
    rule("pawl", "escalate", '"pawl" in summary.surfaces', "    seats: [{ id: admin, who: [{ group: admins }] }]\n"),
    hold === "no"
      ? ""
      : rule(
          "freeze",
          "review",
          `${hold === "even" ? "time.hour % 2 == 0 && " : ""}!("pawl" in summary.surfaces)`,
          "    holds: [freeze]\n",
        ),
    broken === "auto" || broken === "review" ? rule("broken", broken, 'effects[9].path == "x"') : "",
    broken === "absent" ? rule("broken", "review", 'effects.exists(e, e.path == "x")') : "",
    "defaults:\n  seats: [{ id: owner, who: [{ owners: true }] }]\n  unowned: [{ group: maintainers }]\n",
    clockwork(bundle),
  ].join("");
}

export const readBundle = (text: string): Bundle => JSON.parse(text.slice(2, text.indexOf("\n"))) as Bundle;

/** Somebody comes, goes, moves, or turns out to be the same person. */
export type Edit =
  | { readonly edit: "active"; readonly person: string; readonly active: boolean }
  | { readonly edit: "member"; readonly group: string; readonly person: string; readonly member: boolean }
  | { readonly edit: "identity"; readonly person: string; readonly identity: string }
  | { readonly edit: "machine"; readonly machine: string; readonly owner: string; readonly active: boolean };

export function withEdit(people: Directory, edit: Edit): Directory {
  switch (edit.edit) {
    case "active":
      return { ...people, persons: people.persons.map((each) => (each.id === edit.person ? { ...each, active: edit.active } : each)) };
    case "member": {
      const id = person(edit.person);
      const move = (members: readonly Person["id"][]) => [...members.filter((each) => each !== id), ...(edit.member ? [id] : [])];
      return {
        ...people,
        groups: people.groups.map((each) => (each.name === edit.group ? { ...each, members: move(each.members) } : each)),
      };
    }
    case "identity": {
      const move = ({ id, identities }: Person) => [
        ...identities.filter((each) => each !== edit.identity),
        ...(id === edit.person ? [edit.identity] : []),
      ];
      return { ...people, persons: people.persons.map((each) => ({ ...each, identities: move(each) })) };
    }
    case "machine": {
      const owner = edit.owner as PrincipalId;
      return {
        ...people,
        machines: people.machines.map((each) => (each.id === edit.machine ? { ...each, owner, active: edit.active } : each)),
      };
    }
    default:
      return edit satisfies never;
  }
}

/** The mark is in somebody's name, so that no two texts are alike. */
export function peopleText(people: Directory, mark = 0): string {
  const [first, ...rest] = people.persons;
  const persons = first === undefined ? [] : [{ ...first, name: `Ada ${mark}` }, ...rest];
  return canonical({ ...people, persons });
}
