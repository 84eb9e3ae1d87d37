/** Chooses what happens next: mostly sensible things, in any order, with processes, people, clocks and answers that fail. */
import { never } from "../../src/core/base/index.ts";
import type { Dice } from "../../src/testing/dice.ts";
import type { Deed, Ground, Request, Times, WireWatch } from "./actions.ts";
import { policy, rule, token } from "./chance-rules.ts";
import { MINUTE, PEOPLE, RESOURCES, VALUES, type Wish } from "./facts.ts";
import type { Fate, Kind, Parked } from "./scheduler.ts";
import { makersOf, named } from "./tally.ts";
import type { Track } from "./track.ts";
import { NODES, type World } from "./world.ts";

type Asks = Request["ask"];

/** What a world is like: some are calm and some are not, so that rare things meet often in a few. */
export interface Climate extends Ground {
  readonly fault: number;
  readonly crash: number;
  readonly disorder: number;
  readonly acts: number;
  readonly ticks: number;
  readonly clocks: "right" | "skewed" | "wild";
  readonly rules: number;
  readonly open: number;
}

export function climateOf(dice: Dice): Climate {
  return {
    locked: dice.chance(0.7),
    coarse: dice.chance(0.5),
    fault: dice.pick([0, 0.003, 0.01, 0.03]),
    crash: dice.pick([0, 0.0007, 0.002, 0.005]),
    disorder: dice.pick([0.05, 0.3, 0.6]),
    acts: dice.pick([0.03, 0.06, 0.1]),
    ticks: dice.pick([0.002, 0.01, 0.03, 0.06]),
    clocks: dice.pick(["right", "skewed", "skewed", "wild"]),
    rules: dice.pick([0.5, 3, 8]),
    open: dice.pick([2, 4, 8]),
  };
}

const LIKELY: Readonly<Record<string, Partial<Record<Asks, number>>>> = {
  proposed: { replan: 2, revise: 2, withdraw: 0.3, look: 2 },
  planned: { replan: 5, revise: 2 },
  sent_back: { revise: 30, withdraw: 2 },
  awaiting: { break_glass: 12, vote: 80, withdraw_vote: 3, send_back: 1, revise: 4, replan: 5, withdraw: 0.3, look: 3, wait: 2 },
  authorised: {
    break_glass: 6,
    vote: 4,
    withdraw_vote: 4,
    send_back: 0.5,
    revise: 1,
    replan: 4,
    withdraw: 0.4,
    run: 35,
    look: 3,
    intrude: 2,
  },
  stale: { replan: 40, revise: 3 },
  running: { stop: 12, intrude: 10, vote: 3, withdraw: 2, replan: 2, revise: 2, look: 2 },
  applied: { stop: 3, intrude: 8, withdraw: 2, revise: 1 },
  indeterminate: { reconcile: 30, intrude: 3, replan: 2, revise: 2 },
};
const ANY: Partial<Record<Asks, number>> = {
  replan: 1,
  vote: 2,
  withdraw_vote: 1,
  revise: 1,
  withdraw: 1,
  send_back: 1,
  run: 1,
  stop: 1,
  reconcile: 1,
  intrude: 1,
  look: 1,
  break_glass: 1,
  review_glass: 1,
};

export function nextDeed(world: World, dice: Dice, climate: Climate, n: number): Deed {
  const { ready } = world.scheduler;
  const down = world.nodes.findIndex((node) => node === undefined);
  if (down >= 0 && dice.chance(0.04)) return { do: "restart", node: down };
  if (dice.chance(climate.crash)) return { do: "crash", node: dice.below(NODES) };
  // Most worlds begin under another policy than the first start's.
  if (n === 2 && dice.chance(0.6))
    return { do: "ask", by: "human:cy", via: "token", node: 0, request: { ask: "put", what: { kind: "policy", bundle: policy(dice, n) } } };
  const idle = ready.length === 0;
  const acts = world.open < climate.open ? climate.acts : 0;
  if (idle ? dice.chance(0.5) : dice.chance(acts)) return someAct(world, dice, climate, n);
  if (idle || dice.chance(climate.ticks)) return tick(world, dice, idle);
  const at = dice.chance(climate.disorder) ? dice.below(ready.length) : 0;
  const parked = ready[at];
  const fate = parked !== undefined && dice.chance(climate.fault * weightOf(parked)) ? fateOf(parked.kind, dice) : undefined;
  return fate === undefined ? { do: "go", at } : { do: "go", at, fate };
}

/** What matters most goes wrong most. */
function weightOf({ kind, what }: Parked): number {
  if (what === "begin the undo") return 20;
  if (kind === "touch" || what === "offer" || what === "verify") return 8;
  return kind === "desk" || kind === "commit" ? 2 : 1;
}

function fateOf(kind: Kind, dice: Dice): Fate | undefined {
  switch (kind) {
    case "read":
      return dice.pick(["fail", "late", "late", "crash"]);
    case "write":
      return dice.pick(["fail", "done_lost", "late", "crash", "crash_after"]);
    case "commit":
      return dice.pick(["fail", "lost", "done_lost", "done_lost", "crash", "crash_after", "late"]);
    case "look":
      return dice.pick(["fail", "silent", "late", "twice", "crash"]);
    case "touch":
      return dice.pick(["fail", "lost", "done_lost", "silent", "done_silent", "twice", "late", "crash", "crash_after"]);
    case "desk":
      return dice.pick(["lost", "done_lost", "done_lost", "twice", "tamper", "tamper", "tamper", "crash"]);
    case "arrival":
      return dice.pick(["lost", "twice", "twice"]);
    case "notice":
      return "lost";
    case "timer":
    case "answer":
      return undefined;
    default:
      return never(kind, "kind");
  }
}

/** Mostly to the next thing that is due, now and then far beyond it. */
function tick(world: World, dice: Dice, idle: boolean): Deed {
  const next = world.scheduler.untilNext();
  if (idle && next !== undefined && dice.chance(0.6)) return { do: "tick", millis: next };
  const millis = dice.weighted({
    "500": 6,
    "3000": 6,
    "20000": 5,
    [String(MINUTE)]: 2,
    [String(11 * MINUTE)]: 1,
    [String(50 * MINUTE)]: 0.3,
    [String(150 * MINUTE)]: 0.05,
  });
  return { do: "tick", millis: Number(millis) };
}

function someAct(world: World, dice: Dice, climate: Climate, n: number): Deed {
  const all = [...world.oracle.tracks.values()];
  const live = all.filter((track) => !track.ended).slice(-10);
  // Of an emergency that nobody stands for it matters most what becomes.
  const open = live.filter(({ status, route }) => status === "awaiting" && route?.seats.some(({ glass }) => glass !== undefined));
  const tracks = open.length > 0 && dice.chance(0.7) ? open : live;
  const kind = dice.weighted({
    propose: tracks.length < climate.open + 2 ? 10 : 1,
    act: tracks.length > 0 ? 40 : 0,
    rule: climate.rules,
    drift: 1,
    clock: { right: 0, skewed: 0.7, wild: 7 }[climate.clocks],
    repeat: world.requests.size > 0 ? 1.5 : 0,
    token: 1.2,
    glass: all.some(owed) ? 2 : 0,
  });
  const node = dice.below(NODES);
  switch (kind) {
    case "propose":
      return propose(world, dice, node, tracks);
    case "act":
      return { ...actOn(world, dice, tracks), node };
    case "glass": {
      const slot = dice.pick(all.filter(owed))?.tag ?? 0;
      return { do: "ask", ...voter(world, dice, world.track(slot) as Track), node, request: { ask: "review_glass", slot } };
    }
    case "rule":
      return rule(world, dice, node, n);
    case "drift":
      return { do: "drift", resource: dice.pick(RESOURCES), value: dice.pick(VALUES) };
    case "clock":
      return {
        do: "clock",
        node,
        offset: dice.pick(
          climate.clocks === "wild" ? [0, 20_000, -20_000, 10 * MINUTE, 10 * MINUTE, -10 * MINUTE, -10 * MINUTE] : [0, 20_000, -20_000],
        ),
      };
    case "repeat":
      return { do: "repeat", of: dice.pick([...world.requests.keys()].slice(-12)) ?? 0, node };
    case "token":
      return token(world, dice, node);
    default:
      return never(kind, "act");
  }
}

const owed = ({ glass }: Track): boolean => glass.some(({ reviewed }) => !reviewed);

/** How long a proposer waits for plan and route: not at all, less than a look may take, or as long as it takes. */
const PATIENCE = [0, 1_000, 60_000];

function wishes(dice: Dice): readonly Wish[] {
  const first = dice.below(RESOURCES.length);
  const places = dice.chance(0.45) ? [first, (first + 1) % RESOURCES.length] : [first];
  const risk = dice.chance(0.55) ? "low" : "high";
  return places.map((at) => ({
    resource: RESOURCES[at] ?? "alpha",
    value: dice.pick(VALUES),
    risk,
    known: dice.chance(0.92) ? "derived" : dice.pick(["claimed", "unknown"]),
    stray: dice.chance(0.04),
  }));
}

const WATCHES: readonly WireWatch[] = [
  { seconds: 3, every_seconds: 1 },
  { seconds: 40, every_seconds: 20 },
  { seconds: 90, every_seconds: 30 },
];
const watch = (dice: Dice): { readonly watch?: WireWatch } => {
  const chosen = dice.chance(0.4) ? dice.pick(WATCHES) : undefined;
  return chosen === undefined ? {} : { watch: chosen };
};

/** Now and then not before, or not after; the moments are near, so that they are met. */
function times({ scheduler }: World, dice: Dice): { readonly times?: Times } {
  if (dice.chance(0.84)) return {};
  const now = Math.floor(scheduler.now / 1000) * 1000;
  const from = now + dice.pick([2_000, MINUTE, 12 * MINUTE]);
  const until = now + dice.pick([2 * MINUTE, 6 * MINUTE, 20 * MINUTE, 60 * MINUTE]);
  return { times: dice.pick([{ from }, { until }, { until }, ...(from < until ? [{ from, until }] : [])]) };
}

function propose(world: World, dice: Dice, node: number, tracks: readonly Track[]): Deed {
  const by = dice.pick(["agent:bot", "agent:bot", "agent:sub", "human:hal", "human:bo", "human:di"]);
  const behalf = by === "agent:bot" ? { behalf: dice.pick(["human:ada", "human:hal", "human:hal", "human:bo"]) } : {};
  const old = dice.chance(0.1) ? dice.pick(tracks) : undefined;
  return {
    do: "ask",
    by,
    via: "token",
    node,
    request: {
      ask: "propose",
      wishes: wishes(dice),
      ...(dice.chance(0.5) ? behalf : {}),
      hours: dice.pick([0.03, 0.1, 2, 6, 24, 24, 24, 24]),
      start: dice.chance(0.6) ? "when-authorised" : "on-request",
      keyed: dice.chance(0.5),
      leak: dice.chance(0.02),
      patience: dice.pick(PATIENCE),
      ...watch(dice),
      ...times(world, dice),
      ...(old === undefined ? {} : { supersedes: old.tag }),
    },
  };
}

function actOn(world: World, dice: Dice, tracks: readonly Track[]): Omit<Extract<Deed, { do: "ask" }>, "node"> {
  const track = dice.pick(tracks) as Track;
  const slot = track.tag;
  const likely = dice.chance(0.06) ? ANY : (LIKELY[track.status] ?? ANY);
  // An emergency is rarely thought of where policy has none.
  const rarely = world.oracle.bundle.glass === undefined && likely.break_glass !== undefined ? { break_glass: 0.3 } : {};
  // What becomes of an emergency whose signature goes is seen only in the moment before it is routed anew.
  const emergent = track.route?.seats.some(({ glass }) => glass !== undefined) === true;
  const taken = emergent && track.status === "authorised" ? { withdraw_vote: 40 } : {};
  const ask = dice.weighted<Asks>({ ...likely, ...rarely, ...taken });
  const maker = dice.chance(0.7) ? track.parties.proposer : `human:${dice.pick(PEOPLE)}`;
  const asker = (by: string, request: Request) => ({ do: "ask", by, via: "token", request }) as const;
  switch (ask) {
    case "vote": {
      const wanted = dice.chance(0.6) ? sitterFor(world, dice, track) : undefined;
      const request: Request = {
        ask,
        slot,
        decision: dice.chance(0.04) ? "reject" : "approve",
        page: dice.chance(0.9) ? "current" : "old",
      };
      const seat = dice.chance(0.1) ? { seat: dice.pick(["security", "owner", "admin"]) } : {};
      return { do: "ask", ...voter(world, dice, track, wanted), request: { ...request, ...seat } };
    }
    case "withdraw_vote": {
      const votes = track.votes.map((vote) => `human:${vote.person}`);
      const by = dice.chance(0.8) ? dice.pick(votes) : undefined;
      return { do: "ask", ...voter(world, dice, track, by), request: { ask, slot } };
    }
    case "break_glass":
      return { do: "ask", ...breaker(world, dice, track), request: { ask, slot } };
    case "send_back":
    case "stop":
    case "reconcile":
    case "review_glass":
      return { do: "ask", ...voter(world, dice, track), request: { ask, slot } };
    case "revise":
      return asker(dice.chance(0.25) ? (sitterFor(world, dice, track) ?? maker) : maker, {
        ask,
        slot,
        wishes: wishes(dice),
        hours: dice.pick([0.1, 2, 12]),
        patience: dice.pick(PATIENCE),
        ...watch(dice),
        ...times(world, dice),
      });
    case "intrude":
      return asker("agent:sub", {
        ask,
        slot,
        say: dice.pick(["begin", "finish", "undo", "verified", "failed", "start"]),
        as: dice.pick(["stranger", "holder"]),
      });
    case "withdraw":
    case "run":
      return asker(maker, { ask, slot });
    case "look":
    case "wait":
    case "replan":
      return asker(`human:${dice.pick(PEOPLE)}`, { ask, slot });
    case "propose":
    case "govern":
    case "put":
    case "make_token":
    case "revoke_token":
      return asker(`human:${dice.pick(PEOPLE)}`, { ask: "look", slot });
    default:
      return never(ask, "request");
  }
}

/** Somebody whose vote is missing. */
function sitterFor(world: World, dice: Dice, { route, votes, parties }: Track): string | undefined {
  const { people } = world.oracle;
  const makers = makersOf(parties, people.directory);
  const open = (route?.seats ?? []).filter((seat) => votes.filter((vote) => vote.seat === seat.id).length < seat.count);
  const free = people.directory.persons.filter(({ id, active }) => active && !makers.has(id) && !votes.some((vote) => vote.person === id));
  const seat = dice.pick(open);
  const sitter = dice.pick(free.filter((person) => seat?.who.some((who) => named(who, person, people.directory)) === true));
  return sitter === undefined ? undefined : `human:${sitter.id}`;
}

/** An agent in a hurry, one of the makers, or mostly somebody who may. */
function breaker(world: World, dice: Dice, track: Track): { readonly by: string; readonly via: string } {
  const hurried = dice.weighted({ machine: 1, other: 1, right: 6 });
  if (hurried === "machine") return { by: dice.pick(["agent:bot", "agent:sub"]), via: "token" };
  if (hurried === "other") return voter(world, dice, track);
  return voter(world, dice, track, dice.pick(["human:bo", "human:cy", "human:ed", "human:ada", "human:di"]));
}

/** Mostly those who could sit, by any of their identities, now and then somebody else's, and now and then a machine. */
function voter(world: World, dice: Dice, track: Track, given?: string): { readonly by: string; readonly via: string } {
  const sitters =
    track.asked.kind === "pawl" ? (["human:cy", "human:ed"] as const) : (["human:bo", "human:cy", "human:di", "human:ed"] as const);
  const anybody = ["agent:bot", "human:bo2", ...PEOPLE.map((each) => `human:${each}`)];
  const makers = [...makersOf(track.parties, world.oracle.people.directory)].filter((each) => !each.includes(":"));
  const editor = track.parties.editors.findLast((each) => each.startsWith("human:"))?.slice("human:".length);
  const maker = dice.chance(0.12) ? ((dice.chance(0.5) ? editor : undefined) ?? dice.pick(makers)) : undefined;
  const machine = dice.chance(0.04) ? "agent:bot" : undefined;
  const somebody = dice.chance(0.85) ? dice.pick(sitters) : (dice.pick(anybody) ?? "human:bo");
  const by = machine ?? (maker === undefined ? (given ?? somebody) : `human:${maker}`);
  const name = by.slice(by.indexOf(":") + 1);
  const via = dice.weighted({ token: 6, [`@${name}`]: 2, [`slack:U-${name}`]: 1, [by]: 0.5, "@bo-private": 0.3, "@di": 0.3 });
  return { by, via };
}
