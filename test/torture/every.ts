/** Kills a server at each system call that matters while one change is proposed, planned, signed and run. */
import { join } from "node:path";
import { ServerDidNotStart, startServer } from "./processes.ts";
import { Story, type Template } from "./story.ts";
import { killAt, readCalls, writeDownOwn } from "./strace.ts";
import { broken } from "./violation.ts";

/** Writing, syncing, and starting another program. */
export const CALLS = ["fsync", "pwrite64", "clone"] as const;
export type Name = (typeof CALLS)[number];

export interface Point {
  readonly call: Name;
  readonly n: number;
}

/** How often a thread makes each call while the story is told undisturbed: `start` before it began, `end` when it was over. */
export interface Counts {
  readonly start: number;
  readonly end: number;
}

export async function countCalls(from: Template): Promise<ReadonlyMap<Name, Counts>> {
  const story = Story.copy(from);
  try {
    const log = join(story.folder, "calls");
    const server = await startServer({ cwd: story.folder, under: writeDownOwn(log, CALLS) });
    const most = (): Map<Name, number> => {
      const calls = readCalls(log);
      return new Map(CALLS.map((name) => [name, busiest(calls.filter((call) => call.name === name).map(({ thread }) => thread))]));
    };
    const before = most();
    const view = await story.tell(server.url);
    if (view?.status !== "verified") throw broken(`told undisturbed, the story ended as ${view?.status}`);
    await server.kill("group");
    const after = most();
    return new Map(CALLS.map((name) => [name, { start: before.get(name) ?? 0, end: after.get(name) ?? 0 }]));
  } finally {
    story.close();
  }
}

/** Each thread counts for itself: the one that makes the most calls makes all that matter. */
const busiest = (threads: readonly string[]): number =>
  Math.max(0, ...[...Map.groupBy(threads, (thread) => thread).values()].map(({ length }) => length));

/** How a run ended whose server was killed at one point. */
export interface Ended {
  readonly point: Point;
  /** The status that the killed server left behind, and the last. */
  readonly left: string;
  readonly end: string;
}

async function killedAt(from: Template, point: Point): Promise<Ended> {
  const story = Story.copy(from);
  try {
    return await survive(story, point);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`killed at ${point.call} ${point.n}: ${what}`, { cause: error });
  } finally {
    story.close();
  }
}

async function survive(story: Story, point: Point): Promise<Ended> {
  try {
    const server = await startServer({ cwd: story.folder, under: killAt(point.call, point.n) });
    await story.tell(server.url);
    await server.kill("group");
  } catch (error) {
    // Killed before it listened: that is a point in time like any other.
    if (!(error instanceof ServerDidNotStart)) throw error;
  }
  const again = await story.restart();
  try {
    const { tag } = story.proposed;
    await story.follow(again.url);
    const left = [...story.mirror.changes.values()].at(0)?.state.status ?? "nothing";
    const view = await story.tell(again.url);
    if (view === undefined) throw broken(`the story of ${tag} does not go on`);
    await story.check(again.url, again.bornAt);
    return { point, left, end: view.status };
  } finally {
    await again.kill("group");
  }
}

/** Every point between the start of the story and its end. */
export const allPoints = (counts: ReadonlyMap<Name, Counts>): Point[] =>
  [...counts].flatMap(([call, { start, end }]) => Array.from({ length: end - start }, (_, i) => ({ call, n: start + 1 + i })));

/** Two at a time: what a server does under strace is mostly to wait. */
export async function killedAtAll(from: Template, points: readonly Point[], told: (ended: Ended) => void): Promise<void> {
  const left = points.toReversed();
  const work = async (): Promise<void> => {
    for (let point = left.pop(); point !== undefined; point = left.pop()) told(await killedAt(from, point));
  };
  await Promise.all([work(), work()]);
}
