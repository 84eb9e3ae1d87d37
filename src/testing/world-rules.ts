/** Who is who in the world of control's tests, by which rules they live, and what they propose. */
import type { Json, JsonObject } from "../core/base/index.ts";
import type { Directory } from "../core/review/index.ts";
import { people, person } from "./people.ts";

/** Cy and Ed are administrators, Bo and Hal maintain what nobody owns. */
export const WORLD_DIRECTORY: Directory = {
  ...people,
  persons: people.persons.map((each) => (each.id === "cy" ? { ...each, roles: ["admin"] } : each)),
  groups: [
    ...people.groups,
    { name: "admins", members: ["cy", "ed"].map(person), handles: [] },
    { name: "maintainers", members: ["bo", "hal"].map(person), handles: [] },
  ],
};

export const WORLD_POLICY = `
pawl: policy/v1
name: world
defaults:
  seats:
    - { id: owner, who: [{ owners: true }] }
  unowned: [{ group: maintainers }]
rules:
  - id: docs
    outcome: auto
    when: 'size(findings) == 0 && effects.all(e, glob(e.path, ["docs/**"]))'
    reason: documentation
  - id: sign-in
    outcome: escalate
    when: '"auth" in summary.surfaces'
    reason: this decides who gets in
    seats:
      - { id: owner, who: [{ owners: true }] }
      - { id: security, who: [{ group: security }] }
  - id: pawl
    outcome: escalate
    when: '"pawl" in summary.surfaces'
    reason: this changes how every other change is judged
    seats:
      - { id: admin, who: [{ group: admins }] }
  - id: weekend
    outcome: review
    when: '"shop" in summary.surfaces && time.weekday >= 6'
    reason: nothing starts over the weekend
    holds: [weekend]
`;

export type ChangeBody = Readonly<Record<string, Json>>;

/** A step of the scripted connector. */
export const set = (target: string, value: string, more: Readonly<Record<string, Json>> = {}): JsonObject => ({
  connector: "script",
  input: { target, set: value, ...more },
});

/** A change to what the identity team owns, unless it says otherwise. */
export function changeOf(...steps: readonly JsonObject[]): ChangeBody {
  return { title: "set a value", steps: [...steps] };
}

/** Documentation: nobody needs to look. */
export const docs = (value = "new"): ChangeBody => changeOf(set("shop#docs/guide", value));
/** The sign-in path: its owner and security must sign. */
export const signIn = (value = "new"): ChangeBody => changeOf(set("shop#src/auth", value, { surfaces: ["auth"] }));
/** Something ordinary: one owner signs. */
export const ordinary = (value = "new", more: Readonly<Record<string, Json>> = {}): ChangeBody =>
  changeOf(set("shop#src/cart", value, more));
