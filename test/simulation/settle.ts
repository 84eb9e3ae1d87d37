/** Invariant 17: once faults stop, every change reaches an end or waits for somebody, within a bound. */
import type { Deed } from "./actions.ts";
import { drain, step } from "./engine.ts";
import { FIRST_BUNDLE, MINUTE } from "./facts.ts";
import { waitsForAnother } from "./holding.ts";
import { expected } from "./policy.ts";
import { Broken } from "./scheduler.ts";
import { makersOf, named, quorumFault } from "./tally.ts";
import type { Track } from "./track.ts";
import { NODES, type World } from "./world.ts";

/** In this time every job has been tried again, every hold looked at, and every lease has run out. */
const BOUND = 45 * MINUTE;
const STEPS = 20_000;
/** By then what is due has been tried once more. */
const LATE = 11 * MINUTE;

/** Clocks are right, every process runs, nothing is lost, holds have ended, and time goes on. */
export async function settle(world: World, from: number): Promise<void> {
  let n = from;
  const act = (deed: Deed): Promise<void> => step(world, { n: (n += 1), ...deed });
  for (let node = 0; node < NODES; node++) {
    await act({ do: "clock", node, offset: 0 });
    await act({ do: "restart", node });
  }
  await act({ do: "tick", millis: LATE });
  await drain(world, STEPS);
  const request = { ask: "put", what: { kind: "policy", bundle: { ...FIRST_BUNDLE, n: 9 } } } as const;
  await act({ do: "ask", by: "human:cy", via: "token", node: 0, request });
  await drain(world, STEPS);
  await act({ do: "tick", millis: MINUTE });
  await drain(world, STEPS);
  for (const deed of signatures(world)) {
    await act(deed);
    await drain(world, STEPS);
  }
  for (const end = world.scheduler.now + BOUND; world.scheduler.now < end && world.failure === undefined;) {
    await drain(world, STEPS);
    await act({ do: "tick", millis: world.scheduler.untilNext() ?? MINUTE });
  }
  await drain(world, STEPS);
  if (world.failure !== undefined) return;
  for (const track of world.oracle.tracks.values()) {
    const waits = restless(world, track);
    if (waits !== undefined)
      throw new Broken(17, `${BOUND / MINUTE} minutes after the last fault it is ${track.status}: ${waits}`, track.id);
  }
  const leased = [...world.disk.outbox.values()].find(({ due_at }) => due_at < world.scheduler.now - LATE);
  if (leased !== undefined) throw new Broken(17, `nobody does the job ${leased.key}`);
}

/** Half of the changes that wait for people get what they wait for: what they decided then has to happen. */
function signatures({ oracle }: World): readonly Deed[] {
  const { directory } = oracle.people;
  return [...oracle.tracks.values()].flatMap(({ tag, asked, status, route, votes, parties }): Deed[] => {
    // Another policy now would be another fault.
    if (status !== "awaiting" || tag % 2 === 1 || asked.kind === "pawl") return [];
    const taken = new Set<string>([...makersOf(parties, directory), ...votes.map(({ person }) => person)]);
    return (route?.seats ?? []).flatMap((seat): Deed[] => {
      const missing = seat.count - votes.filter((vote) => vote.seat === seat.id).length;
      const able = directory.persons.filter(({ id, active }) => active && !taken.has(id));
      const sitters = able.filter((person) => seat.who.some((who) => named(who, person, directory))).slice(0, Math.max(0, missing));
      for (const { id } of sitters) taken.add(id);
      const request = { ask: "vote", slot: tag, decision: "approve", page: "current", seat: seat.id } as const;
      return sitters.map(({ id }) => ({ do: "ask", by: `human:${id}`, via: `human:${id}`, node: tag % NODES, request }));
    });
  });
}

const isEarly = (asked: Track["asked"], now: number): boolean => asked.kind === "sim" && now < (asked.times.from ?? 0);

/** Why a change is neither at its end nor waiting for somebody who can be told. */
function restless(world: World, track: Track): string | undefined {
  const { people } = world.oracle;
  if (track.ended) return undefined;
  if (track.status !== "indeterminate" && track.expiresAt < world.scheduler.now - LATE) return "it has expired, and nobody says so";
  switch (track.status) {
    case "sent_back":
    case "stale":
    case "indeterminate":
      return undefined;
    case "awaiting": {
      const fault = quorumFault(track.votes, track.route?.seats ?? [], track.parties, people);
      return fault === undefined ? "every seat is signed, and nobody is asked for anything" : undefined;
    }
    case "authorised":
      if (isEarly(track.asked, world.scheduler.now)) return undefined;
      if (expected(track.asked, world.oracle.bundle, world.scheduler.time()).holds.length > 0) return undefined;
      return track.start === "on-request" || waitsForAnother(track, world.oracle.tracks.values()) ? undefined : "nobody starts it";
    default:
      return "nobody goes on with it";
  }
}
