/** Chooses what happens next: mostly sensible things, in any order, with people, clocks, messages and runners that fail. */
import { never, type ChangeId } from "../../src/core/base/index.ts";
import { isFinal, type ChangeState, type Status } from "../../src/core/change/index.ts";
import type { Outcome } from "../../src/core/policy/index.ts";
import { changeId, RUNNER_FAULTS, type Action, type Deed, type Intent } from "./actions.ts";
import { CHANNELS, MINUTE, PROPOSERS, RESOURCES, VALUES, VOTERS, type Wish } from "./facts.ts";
import type { Dice } from "../../src/testing/dice.ts";
import type { World } from "./world.ts";

const OPEN_AT_MOST = 7;
type Kind = Intent["do"];

/** What is likely to be tried with a change of each status. */
const LIKELY: Readonly<Partial<Record<Status, Partial<Record<Kind, number>>>>> = {
  proposed: { plan: 60, refuse_plan: 1, revise: 2, withdraw: 1, supersede: 1 },
  planned: { route: 50, plan: 5, revise: 2 },
  sent_back: { revise: 40, withdraw: 3 },
  awaiting: {
    vote: 80,
    withdraw_vote: 3,
    send_back: 1,
    revise: 1.5,
    plan: 6,
    route: 3,
    recheck: 4,
    watch: 5,
    withdraw: 0.7,
    supersede: 0.5,
  },
  authorised: { vote: 4, withdraw_vote: 5, send_back: 0.5, revise: 1, plan: 10, route: 3, recheck: 5, watch: 6, withdraw: 0.7 },
  stale: { plan: 50, revise: 3 },
  running: { abandon: 3, intrude: 6, vote: 3, withdraw: 2, plan: 2, revise: 2 },
  applied: { abandon: 3, intrude: 5, withdraw: 2 },
  indeterminate: { reconcile: 30, intrude: 3, plan: 2, revise: 2, abandon: 2 },
};
const ANY: Partial<Record<Kind, number>> = {
  plan: 1,
  route: 1,
  vote: 2,
  withdraw_vote: 1,
  revise: 1,
  withdraw: 1,
  expire: 1,
  recheck: 1,
  watch: 1,
  abandon: 1,
  reconcile: 1,
  intrude: 1,
};

export function nextAction(world: World, dice: Dice, n: number): Action {
  return { n, ...nextDeed(world, dice, n) };
}

function nextDeed(world: World, dice: Dice, n: number): Deed {
  const open = world.system.changes().filter((state) => !isFinal(state.status));
  const waiting = [...world.messages.keys()];
  const some = waiting.length > 0;
  const busy = world.runners.some((runner) => runner.job !== undefined) || open.some((state) => state.status === "authorised");
  const kind = dice.weighted({
    propose: open.length < OPEN_AT_MOST ? 6 : 0,
    act: open.length > 0 ? 26 : 0,
    deliver: some ? 30 + waiting.length : 0,
    duplicate: some ? 2 : 0,
    lose: some ? 1.5 : 0,
    runner: busy ? 30 : 2,
    crash: 0.7,
    people: 2,
    policy: 0.25,
    drift: 0.7,
    tick: 5,
    clock: 0.4,
  });
  const message = dice.pick(waiting) ?? 0;
  switch (kind) {
    case "propose":
      return propose(dice, n);
    case "act":
      return act(world, dice, open);
    case "deliver":
      return { kind, message, node: dice.below(world.clocks.length), loseReply: dice.chance(0.03) };
    case "duplicate":
    case "lose":
      return { kind, message };
    case "runner":
      return runnerTurn(world, dice, open);
    case "crash":
      return { kind, runner: dice.pick(world.runners)?.id ?? world.runners[0]!.id };
    case "people":
      return personnel(world, dice);
    case "policy":
      return {
        kind,
        bundle: {
          n: dice.below(3),
          low: dice.weighted<Outcome>({ auto: 6, review: 3, revise: 1, block: 0.5, escalate: 1 }),
          high: dice.chance(0.6) ? "review" : "escalate",
          hold: dice.chance(0.07),
        },
      };
    case "drift":
      return { kind, resource: dice.pick(RESOURCES), value: dice.pick(VALUES) };
    case "tick":
      return { kind, millis: dice.pick([1000, MINUTE, 5 * MINUTE, dice.chance(0.1) ? 90 * MINUTE : MINUTE]) };
    case "clock":
      return { kind, node: dice.below(world.clocks.length), offset: dice.pick([0, 0, 30_000, -30_000, 10 * MINUTE, -10 * MINUTE]) };
    default:
      return never(kind, "deed");
  }
}

function wishes(dice: Dice): readonly Wish[] {
  const first = dice.below(RESOURCES.length);
  const both = dice.chance(0.5) ? [first, (first + 1) % RESOURCES.length] : [first];
  return both.map((at) => ({ resource: RESOURCES[at] ?? "alpha", value: dice.pick(VALUES) }));
}

function propose(dice: Dice, n: number): Deed {
  const by = dice.pick(PROPOSERS);
  const behalf = by.startsWith("human:") ? by : dice.pick(["human:ada", "human:hal", "agent:bot"] as const);
  const intent: Intent = {
    do: "propose",
    behalf,
    wishes: wishes(dice),
    risk: dice.chance(0.35) ? "low" : "high",
    hours: dice.pick([2, 6, 24]),
    start: dice.chance(0.7) ? "when-authorised" : "on-request",
  };
  return { kind: "act", change: changeId(n), by, intent };
}

function act(world: World, dice: Dice, open: readonly ChangeState[]): Deed {
  const state = dice.pick(open);
  if (state === undefined) return { kind: "tick", millis: 1000 };
  const overdue = world.now >= state.expiresAt && dice.chance(0.5);
  const what = overdue ? "expire" : dice.weighted<Kind>(dice.chance(0.06) ? ANY : (LIKELY[state.status] ?? ANY));
  return { kind: "act", change: state.id, ...whoAndHow(world, dice, state, what, open) };
}

function whoAndHow(
  world: World,
  dice: Dice,
  state: ChangeState,
  what: Kind,
  open: readonly ChangeState[],
): { readonly by: string; readonly intent: Intent } {
  const maker = dice.chance(0.85) ? state.parties.proposer : (dice.pick(VOTERS) ?? "human:hal");
  switch (what) {
    case "propose":
    case "plan":
      return { by: "control", intent: { do: "plan", only: dice.chance(0.15) } };
    case "abandon":
      // Mostly when the runner is really gone, now and then because it was slow to answer.
      return alive(world, state) && dice.chance(0.7) ? { by: "control", intent: { do: "watch" } } : { by: "control", intent: { do: what } };
    case "route":
    case "refuse_plan":
    case "recheck":
    case "watch":
    case "expire":
      return { by: "control", intent: { do: what } };
    case "vote": {
      const { by, identity } = voter(dice);
      const decision = dice.chance(0.04) ? "reject" : "approve";
      const seat = dice.chance(0.2) ? { seat: dice.pick(["security", "identity"] as const) } : {};
      return {
        by,
        intent: {
          do: what,
          identity,
          decision,
          tab: dice.chance(0.92) ? "current" : "old",
          channel: dice.chance(0.7) ? "console" : dice.pick(CHANNELS),
          ...seat,
        },
      };
    }
    case "withdraw_vote": {
      const votes = "votes" in state ? state.votes.map((vote) => `human:${vote.person}`) : [];
      const { by, identity } = voter(dice, dice.chance(0.8) ? dice.pick(votes) : undefined);
      return { by, intent: { do: what, identity } };
    }
    case "send_back": {
      const { by, identity } = voter(dice);
      return { by, intent: { do: what, identity } };
    }
    case "reconcile": {
      // Nobody judges a run whose runner may still be at it.
      const { by, identity } = voter(dice);
      return alive(world, state) ? { by: "control", intent: { do: "recheck" } } : { by, intent: { do: what, identity } };
    }
    case "revise":
      return { by: maker, intent: { do: what, wishes: wishes(dice), hours: dice.pick([2, 12]) } };
    case "withdraw":
      return { by: maker, intent: { do: what } };
    case "supersede":
      return { by: maker, intent: { do: what, with: dice.pick(open)?.id ?? state.id } };
    case "intrude":
      return { by: "rnr_999999", intent: { do: what, what: dice.pick(["begin", "finish", "undo", "report"] as const) } };
    default:
      return never(what, "intent");
  }
}

const alive = (world: World, state: ChangeState): boolean => world.runners.some((runner) => runner.job?.change === state.id);

/** Mostly those who could sit, by any of their identities, now and then by somebody else's. */
function voter(dice: Dice, given?: string): { readonly by: string; readonly identity: string } {
  const by =
    given ?? (dice.chance(0.75) ? dice.pick(["human:bo", "human:cy", "human:di", "human:ed"] as const) : (dice.pick(VOTERS) ?? "human:bo"));
  const name = by.slice(by.indexOf(":") + 1);
  const identity = dice.weighted({
    [`@${name}`]: 6,
    [`slack:U-${name}`]: 2,
    [`token:tok_${name}`]: 2,
    [by]: 1,
    "@bo-private": 0.3,
    "@di": 0.3,
  });
  return { by, identity };
}

function runnerTurn(world: World, dice: Dice, open: readonly ChangeState[]): Deed {
  const runner = dice.pick(world.runners)?.id ?? world.runners[0]!.id;
  const ready: readonly ChangeId[] = open.filter((state) => state.status === "authorised").map((state) => state.id);
  const change = dice.pick(ready);
  const fault = dice.chance(0.14) ? dice.pick(RUNNER_FAULTS) : undefined;
  return { kind: "runner", runner, ...(change === undefined ? {} : { change }), ...(fault === undefined ? {} : { fault }) };
}

/** People come and go; groups change; now and then an identity is given to two, or a second account is found out. */
function personnel(world: World, dice: Dice): Deed {
  const someone = dice.pick(world.people.persons)?.id ?? "bo";
  const regulars = dice.pick(["bo", "cy", "di", "ed"] as const);
  const kind = dice.weighted({ back: 6, active: 2, member: 3, identity: 1 });
  switch (kind) {
    case "back":
      return { kind: "active", person: dice.pick(world.people.persons.filter((each) => !each.active))?.id ?? someone, active: true };
    case "active":
      return { kind: "active", person: regulars, active: dice.chance(0.4) };
    case "member":
      return { kind: "member", group: dice.pick(["security", "identity"] as const), person: regulars, member: dice.chance(0.85) };
    case "identity":
      return {
        kind: "identity",
        person: dice.pick(["bo", "bo2", "hal"] as const),
        identity: dice.pick(["@bo-private", "@di", "@bo"] as const),
        has: dice.chance(0.2),
      };
    default:
      return never(kind, "news of people");
  }
}
