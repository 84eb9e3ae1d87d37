/** Everything there is: the disk, the processes, the target, and those who watch. The same actions make the same world. */
import type { PrincipalId } from "../../src/core/base/index.ts";
import { issueToken, seedConfig } from "../../src/control/index.ts";
import { firstHead } from "../../src/store/head.ts";
import { Recorder } from "../../src/testing/history.ts";
import type { Action, Ground } from "./actions.ts";
import { HeadLock } from "./backend.ts";
import { Disk } from "./disk.ts";
import { bundleText, FIRST_BUNDLE, FIRST_PEOPLE, MACHINES, NOON, PEOPLE, peopleText, RESOURCES } from "./facts.ts";
import { identity, Process, Tampers, type Surroundings } from "./node.ts";
import { Oracle } from "./oracle.ts";
import { Outside, type Witness } from "./outside.ts";
import { Broken, quiet, Scheduler } from "./scheduler.ts";
import type { Track } from "./track.ts";

export const NODES = 3;

export interface Token {
  readonly id: string;
  readonly bearer: string;
}

/** The first start's database, made once in a process and copied for every world. */
export interface Base {
  readonly disk: Disk;
  readonly tokens: ReadonlyMap<string, readonly Token[]>;
  readonly made: number;
}

export type Ask = Extract<Action, { readonly do: "ask" }>;

export class World implements Surroundings {
  readonly scheduler = new Scheduler(NOON);
  readonly disk: Disk;
  readonly lock: HeadLock;
  readonly coarse: boolean;
  readonly outside: Outside;
  readonly oracle: Oracle;
  readonly offsets: number[] = Array.from({ length: NODES }, () => 0);
  readonly nodes: (Process | undefined)[] = Array.from({ length: NODES }, () => undefined);
  readonly tokens: Map<string, Token[]>;
  readonly recorder = new Recorder();
  readonly tampers = new Tampers();
  /** Requests by the action that made them, for those who ask twice. */
  readonly requests = new Map<number, Ask>();
  /** How often each of them has arrived. */
  readonly copies = new Map<number, number>();
  /** Everything let go, done and gone wrong so far. */
  steps = 0;
  made: number;
  failure: Broken | undefined;
  /** What came of each request, newest last; kept only for a report. */
  readonly diary: string[] | undefined;
  #started = 1;

  constructor(base: Base, { locked, coarse = false }: Ground, diary?: string[]) {
    this.coarse = coarse;
    this.disk = base.disk.copy();
    this.lock = new HeadLock(locked);
    this.oracle = new Oracle(this.disk, this.scheduler, this.offsets);
    this.outside = new Outside(this.scheduler, this.#witness(), RESOURCES);
    this.tokens = new Map([...base.tokens].map(([principal, tokens]) => [principal, [...tokens]]));
    this.made = base.made;
    this.diary = diary;
    this.disk.watch = (set) => {
      this.oracle.commit(set);
      const streams = set.streams.map(({ stream }) => stream);
      if (streams.length + set.outbox.length > 0) for (const node of this.nodes) node?.notice(streams);
    };
    for (let node = 0; node < NODES; node++) this.restart(node);
  }

  /** Production code may catch what is thrown at it; what the oracle has seen is not to be caught. */
  #witness(): Witness {
    const { oracle } = this;
    return {
      looked: (...seen) => this.#noticing(() => oracle.looked(...seen)),
      sending: (touch) => this.#noticing(() => oracle.sending(touch)),
      touched: (...seen) => this.#noticing(() => oracle.touched(...seen)),
    };
  }

  #noticing(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.broke(error);
    }
  }

  /** Those of somebody's tokens that are not revoked. */
  goodTokens(principal: string): readonly Token[] {
    return (this.tokens.get(principal) ?? []).filter(({ id }) => !this.oracle.people.revoked.has(`token:${id}`));
  }

  track(slot: number): Track | undefined {
    return this.oracle.byTag.get(slot);
  }

  /** Requests that somebody waits for. */
  get open(): number {
    return this.nodes.reduce((sum, node) => sum + (node?.open ?? 0), 0);
  }

  crash(node: number): void {
    const process = this.nodes[node];
    if (process === undefined) return;
    this.nodes[node] = undefined;
    this.scheduler.end(process.life);
    this.lock.free(process.life);
  }

  restart(node: number): void {
    if (this.nodes[node] !== undefined) return;
    const process = new Process(this, node, (this.#started += 1));
    this.nodes[node] = process;
    void process.start();
  }

  /** Is any runner at this change, or any write of it under way? */
  busy(track: Track): boolean {
    return (this.outside.wire.get(track.tag) ?? 0) > 0 || this.nodes.some((node) => node?.at.has(track.id) === true);
  }

  broke(error: unknown): void {
    const told = error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
    this.failure ??= error instanceof Broken ? error : new Broken(0, told);
  }

  permitted = (node: number, run: string, step: string): void => this.oracle.permitted(node, run, step);

  published({ size, checkpoint }: { readonly size: number; readonly checkpoint: string }, invariant: number, what: string): void {
    const { entries, notes } = this.disk;
    if (size > entries.length || !notes.has(checkpoint))
      this.broke(new Broken(invariant, `${what} for a log of size ${size}, which is not on the disk`));
  }

  /** Whoever is told of a change is told of what is durable. */
  answered(change: string, version: number): void {
    const stored = this.disk.streams.get(`change/${change}`)?.version ?? 0;
    if (version > stored) this.broke(new Broken(10, `a caller is told of version ${version}, and ${stored} is on the disk`, change));
  }

  problem(what: string, error: unknown): void {
    this.diary?.push(`problem: ${what}: ${error instanceof Error ? error.message : JSON.stringify(error)}`);
    if (!(error instanceof Error)) this.#noticing(() => this.oracle.told(`the report of ${what}`, error));
  }
}

/** What the first start makes, by the production code, while nothing goes wrong. */
export async function firstStart(): Promise<Base> {
  const scheduler = new Scheduler(NOON);
  const disk = new Disk(firstHead(identity));
  const tokens = new Map<string, Token[]>();
  const unexpected = (error: unknown): never => {
    throw new Error(`the first start went wrong: ${String(error)}`);
  };
  const place: Surroundings = {
    scheduler,
    disk,
    lock: new HeadLock(false),
    coarse: false,
    outside: new Outside(scheduler, {} as Witness, RESOURCES),
    offsets: [0],
    tampers: new Tampers(),
    made: 0,
    crash: unexpected,
    broke: unexpected,
    problem: unexpected,
    permitted: () => undefined,
    published: () => undefined,
  };
  const { deps } = new Process(place, 0, 1);
  const work = async (): Promise<"done"> => {
    await seedConfig(deps, "policy", bundleText(FIRST_BUNDLE));
    await seedConfig(deps, "directory", peopleText(FIRST_PEOPLE));
    for (const principal of [...PEOPLE.map((each) => `human:${each}`), ...MACHINES]) {
      const made = await issueToken(deps, principal as PrincipalId, "", "first-start");
      if (made.ok) tokens.set(principal, [{ id: made.value.view.id, bearer: made.value.token }]);
    }
    return "done";
  };
  const working = work();
  const letOneGo = async (): Promise<"more"> => {
    await quiet();
    scheduler.ready.shift()?.go(undefined);
    return "more";
  };
  while ((await Promise.race([working, letOneGo()])) === "more");
  return { disk, tokens, made: place.made };
}
