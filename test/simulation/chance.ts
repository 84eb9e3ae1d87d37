/** Chooses what happens next: mostly sensible things, in any order, with processes, people, clocks and answers that fail. */
import { never } from "../../src/core/base/index.ts";
import type { Dice } from "../../src/testing/dice.ts";
import type { Deed, Ground, Request, Rule, WireWatch } from "./actions.ts";
import { MINUTE, PEOPLE, type Bundle, RESOURCES, VALUES, type Wish } from "./facts.ts";
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
  awaiting: { vote: 80, withdraw_vote: 3, send_back: 1, revise: 4, replan: 5, withdraw: 0.3, look: 3, wait: 2 },
  authorised: { vote: 4, withdraw_vote: 4, send_back: 0.5, revise: 1, replan: 4, withdraw: 0.4, run: 35, look: 3, intrude: 2 },
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
};

export function nextDeed(world: World, dice: Dice, climate: Climate, n: number): Deed {
  const { ready } = world.scheduler;
  const down = world.nodes.findIndex((node) => node === undefined);
  if (down >= 0 && dice.chance(0.04)) return { do: "restart", node: down };
  if (dice.chance(climate.crash)) return { do: "crash", node: dice.below(NODES) };
  // Half of the worlds begin under another policy than the first start's.
  if (n === 2 && dice.chance(0.5))
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
  const tracks = all.filter((track) => !track.ended).slice(-10);
  const kind = dice.weighted({
    propose: tracks.length < climate.open + 2 ? 10 : 1,
    act: tracks.length > 0 ? 40 : 0,
    rule: climate.rules,
    drift: 1,
    clock: { right: 0, skewed: 0.7, wild: 7 }[climate.clocks],
    repeat: world.requests.size > 0 ? 1.5 : 0,
    token: 1.2,
  });
  const node = dice.below(NODES);
  switch (kind) {
    case "propose":
      return propose(dice, node, tracks);
    case "act":
      return { ...actOn(world, dice, tracks), node };
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

function propose(dice: Dice, node: number, tracks: readonly Track[]): Deed {
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
      ...(old === undefined ? {} : { supersedes: old.tag }),
    },
  };
}

function actOn(world: World, dice: Dice, tracks: readonly Track[]): Omit<Extract<Deed, { do: "ask" }>, "node"> {
  const track = dice.pick(tracks) as Track;
  const slot = track.tag;
  const ask = dice.weighted<Asks>(dice.chance(0.06) ? ANY : (LIKELY[track.status] ?? ANY));
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
    case "send_back":
    case "stop":
    case "reconcile":
      return { do: "ask", ...voter(world, dice, track), request: { ask, slot } };
    case "revise":
      return asker(dice.chance(0.25) ? (sitterFor(world, dice, track) ?? maker) : maker, {
        ask,
        slot,
        wishes: wishes(dice),
        hours: dice.pick([0.1, 2, 12]),
        patience: dice.pick(PATIENCE),
        ...watch(dice),
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

function policy(dice: Dice, n: number): Bundle {
  return {
    n: n % 3,
    low: dice.weighted<Bundle["low"]>({ auto: 8, review: 3, silent: 2, revise: 1, block: 1, escalate: 1 }),
    high: dice.chance(0.6) ? "review" : "escalate",
    count: dice.chance(0.7) ? 1 : 2,
    hold: dice.weighted({ no: 8, always: 1, even: 1 }),
    broken: dice.weighted({ no: 6, auto: 1, review: 1.5, absent: 1.5 }),
  };
}

function rule(world: World, dice: Dice, node: number, n: number): Deed {
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
function token(world: World, dice: Dice, node: number): Deed {
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
