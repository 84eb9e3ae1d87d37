/** Many worlds, one after the other, each from a seed of its own: a failure names its small world and not the whole campaign. */
import { simulate, WORLD_STEPS, type Failure } from "./simulate.ts";

export interface Tally {
  worlds: number;
  steps: number;
  events: number;
  effects: number;
  readonly statuses: Map<string, number>;
  readonly events_seen: Set<string>;
}

export interface Campaign {
  readonly tally: Tally;
  readonly failure: Failure | undefined;
  /** Of this process, on one core. */
  readonly seconds: number;
}

/** The worlds of one seed; the first is the seed's own. */
const seedOf = (seed: number, world: number): number =>
  world === 0 ? seed : (Math.imul(seed ^ (world * 0x9e3779b1), 0x85ebca6b) ^ world) >>> 0;

export async function campaign(seed: number, steps: number, told: (tally: Tally) => void = () => undefined): Promise<Campaign> {
  const tally: Tally = { worlds: 0, steps: 0, events: 0, effects: 0, statuses: new Map(), events_seen: new Set() };
  const since = process.cpuUsage();
  const end = (failure?: Failure): Campaign => {
    const { user, system } = process.cpuUsage(since);
    return { tally, failure, seconds: (user + system) / 1e6 };
  };
  while (tally.steps < steps) {
    const { world, failure } = await simulate(seedOf(seed, tally.worlds), Math.min(WORLD_STEPS, steps - tally.steps));
    tally.worlds += 1;
    tally.steps += world.steps;
    tally.events += world.disk.entries.length;
    tally.effects += world.oracle.effects;
    for (const { status } of world.oracle.tracks.values()) tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
    for (const type of world.oracle.seen) tally.events_seen.add(type);
    if (failure !== undefined) return end(failure);
    told(tally);
  }
  return end();
}
