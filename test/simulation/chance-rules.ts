/** Chooses how policy, people and tokens change under everybody's hands. */
import { never } from "../../src/core/base/index.ts";
import type { Dice } from "../../src/testing/dice.ts";
import type { Deed, Rule } from "./actions.ts";
import { PEOPLE, type Bundle } from "./facts.ts";
import type { World } from "./world.ts";

export function policy(dice: Dice, n: number): Bundle {
  return {
    n: n % 3,
    low: dice.weighted<Bundle["low"]>({ auto: 8, review: 3, silent: 2, revise: 1, block: 1, escalate: 1 }),
    high: dice.chance(0.6) ? "review" : "escalate",
    count: dice.chance(0.7) ? 1 : 2,
    hold: dice.weighted({ no: 8, always: 1, even: 1 }),
    broken: dice.weighted({ no: 6, auto: 1, review: 1.5, absent: 1.5 }),
    ...dice.pick([{}, {}, {}, { frozen: "always" as const }, { frozen: "spells" as const }]),
    ...dice.pick([{}, ...Array.from({ length: 3 }, () => ({ glass: "others" as const })), { glass: "alone" as const }]),
  };
}

export function rule(world: World, dice: Dice, node: number, n: number): Deed {
  const what: Rule = dice.chance(0.25) ? { kind: "policy", bundle: policy(dice, n) } : { kind: "directory", edit: edit(world, dice) };
  if (dice.chance(0.2))
    return { do: "ask", by: dice.pick(["human:flo", "human:ed", "human:cy"]), via: "token", node, request: { ask: "govern", what } };
  return { do: "ask", by: "human:cy", via: "token", node, request: { ask: "put", what } };
}

/** People come and go; groups change; now and then a second account is found out. */
function edit(world: World, dice: Dice): Extract<Rule, { kind: "directory" }>["edit"] {
  const { persons } = world.oracle.people.directory;
  const signer = dice.chance(0.75) ? signature(world, dice) : undefined;
  const regular = signer?.person ?? dice.pick(["bo", "cy", "di", "ed"]);
  const kind = dice.weighted({ back: 6, leave: 5, lost: signer === undefined ? 0 : 4, member: 3, identity: 1.5, machine: 0.7 });
  switch (kind) {
    case "back":
      return { edit: "active", person: dice.pick(persons.filter((each) => !each.active))?.id ?? "gus", active: true };
    case "leave":
      return { edit: "active", person: regular, active: false };
    case "lost":
      return { edit: "member", group: signer?.group ?? "security", person: regular, member: false };
    case "member":
      return { edit: "member", group: dice.pick(["security", "identity", "admins"]), person: regular, member: dice.chance(0.8) };
    case "identity":
      return { edit: "identity", person: dice.pick(["bo", "bo2", "hal"]), identity: dice.pick(["@bo-private", "@di", "@bo"]) };
    case "machine":
      return {
        edit: "machine",
        machine: dice.pick(["agent:bot", "agent:sub"]),
        owner: dice.pick(["human:ada", "human:bo"]),
        active: dice.chance(0.8),
      };
    default:
      return never(kind, "edit");
  }
}

/** Somebody whose vote stands somewhere, and the group that they sit there for: of them it matters most what becomes. */
function signature(world: World, dice: Dice): { readonly person: string; readonly group: string } | undefined {
  const signed = [...world.oracle.tracks.values()].filter((each) => !each.ended && each.votes.length > 0);
  const ready = dice.chance(0.6) ? dice.pick(signed.filter(({ status }) => status === "authorised")) : undefined;
  const track = ready ?? dice.pick(signed);
  const vote = dice.pick(track?.votes ?? []);
  const who = track?.route?.seats.find((seat) => seat.id === vote?.seat)?.who.find(({ kind }) => kind === "group");
  return vote === undefined ? undefined : { person: vote.person, group: who?.kind === "group" ? who.group : "identity" };
}

/** Whoever has lost every token gets another, sooner or later. */
export function token(world: World, dice: Dice, node: number): Deed {
  const ask = (by: string, what: "make_token" | "revoke_token", principal: string): Deed => {
    return { do: "ask", by: dice.chance(0.3) ? "human:cy" : by, via: "token", node, request: { ask: what, principal } };
  };
  const without = ["agent:bot", ...PEOPLE.map((each) => `human:${each}`)].filter((each) => world.goodTokens(each).length === 0);
  const poor = dice.chance(0.6) ? dice.pick(without) : undefined;
  if (poor !== undefined) return ask("human:cy", "make_token", poor);
  const signer = dice.chance(0.6) ? signature(world, dice) : undefined;
  const by = `human:${signer?.person ?? dice.pick(PEOPLE)}`;
  const principal = signer === undefined && dice.chance(0.3) ? "agent:bot" : by;
  return ask(by, dice.chance(signer === undefined ? 0.7 : 0.3) ? "make_token" : "revoke_token", principal);
}
