/** One process: production control, worker and runner over a life that may end at any moment. */
import { pawlConnector } from "../../src/connectors/pawl/index.ts";
import {
  abandonRunsOf,
  appendAudit,
  configDesk,
  createControl,
  dependable,
  runDesk,
  startWorker,
  type Deps,
  type Limits,
} from "../../src/control/index.ts";
import type { Connector, Ids, Offer, RunDesk, RunReport, Store, Timers } from "../../src/control/ports.ts";
import type { Control } from "../../src/control/types.ts";
import { fromBase64, toBase64, utf8, type ChangeId, type Result, type RunnerId } from "../../src/core/base/index.ts";
import type { Envelope } from "../../src/core/grant/index.ts";
import { vkey } from "../../src/core/ledger/index.ts";
import { runChange, type RunnerDeps } from "../../src/runner/runner.ts";
import { createStore } from "../../src/store/store.ts";
import { testSigner } from "../../src/testing/ledger.ts";
import { backendOf, type Attached } from "./backend.ts";
import { HOUR, LEAK, MINUTE } from "./facts.ts";
import { runnerOf, TOKEN_MARK } from "./oracle.ts";
import { Away, type Life } from "./scheduler.ts";
import type { Outside } from "./outside.ts";

const ORIGIN = "pawl.test/simulated";
const logSigner = testSigner(ORIGIN, 21);
const grantSigner = testSigner(`${ORIGIN}/grants`, 22);
export const identity = { origin: ORIGIN, signer: logSigner };

const LIMITS: Limits = {
  changeLifetimeMillis: 24 * HOUR,
  grantLifetimeMillis: HOUR,
  clockSkewMillis: MINUTE,
  planTimeoutMillis: 30_000,
  runTimeoutMillis: 30_000,
  openChangesPerProposer: 40,
};

/** What a process stands in. */
export interface Surroundings extends Attached {
  readonly outside: Outside;
  /** How far the clock of each process is off. */
  readonly offsets: readonly number[];
  readonly tampers: Tampers;
  /** Ids made so far. */
  made: number;
  crash(node: number): void;
  broke(error: unknown): void;
  problem(what: string, error: unknown): void;
  /** What a store answers with is what stands on the disk by then. */
  /** A process was given the grant of an undo. */
  readonly permitted: (node: number, run: string, step: string) => void;
  published(log: { readonly size: number; readonly checkpoint: string }, invariant: number, what: string): void;
}

export class Process {
  readonly life: Life;
  readonly deps: Deps;
  readonly control: Control;
  readonly desk: RunDesk;
  /** Changes that its runner is at. */
  readonly at = new Set<ChangeId>();
  up = false;
  /** Requests that it has not answered yet. */
  open = 0;
  readonly #world: Surroundings;
  readonly #listeners = new Set<(streams: readonly string[]) => void>();
  #news: Set<string> | undefined;

  constructor(world: Surroundings, node: number, number: number) {
    this.#world = world;
    this.life = { node, over: false };
    this.deps = depsOf(world, this.life, number, (listener) => {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    });
    this.control = createControl(this.deps, this.runner);
    this.desk = runDesk(this.deps);
  }

  get runner(): RunnerId {
    return runnerOf(this.life.node) as RunnerId;
  }

  /** As the server starts: its own lost runs are given up before it takes anything up, and it listens last. */
  async start(): Promise<void> {
    try {
      await abandonRunsOf(this.deps, this.runner);
      const settings = { leaseMillis: MINUTE, tickMillis: MINUTE, parallel: 4, runner: this.runner };
      startWorker(this.deps, { ...settings, run: (change) => this.#run(change) });
      this.up = true;
      await appendAudit(this.deps, { type: "started", runner: this.runner });
    } catch (error) {
      if (error instanceof Away) this.#world.crash(this.life.node);
      else this.#world.broke(error);
    }
  }

  async #run(change: ChangeId): Promise<RunReport> {
    this.at.add(change);
    try {
      return await runChange(this.#runnerDeps(), change);
    } finally {
      this.at.delete(change);
    }
  }

  #runnerDeps(): RunnerDeps {
    const { deps } = this;
    return {
      desk: linked(this.#world, this.life, this.desk),
      connectors: deps.connectors,
      trust: {
        deployment: ORIGIN,
        runner: this.runner,
        grantKeys: new Map([[grantSigner.name, grantSigner.publicKey]]),
        logKeys: deps.logKeys,
        skewMillis: deps.limits.clockSkewMillis,
      },
      clock: deps.clock,
      timers: deps.timers,
      timeoutMillis: deps.limits.runTimeoutMillis,
    };
  }

  /** Tells of a commit, some time later; what was told of once need not be told of twice. */
  notice(streams: readonly string[]): void {
    if (this.life.over || this.#listeners.size === 0) return;
    if (this.#news !== undefined) {
      for (const stream of streams) this.#news.add(stream);
      return;
    }
    this.#news = new Set(streams);
    const { scheduler } = this.#world;
    scheduler
      .park(this.life, "notice", "notice of a commit", (fate) => {
        const news = [...(this.#news ?? [])];
        this.#news = undefined;
        if (fate === undefined || fate === "late") for (const listener of this.#listeners) listener(news);
      })
      .catch((error: unknown) => this.#world.broke(error));
  }
}

function depsOf(
  world: Surroundings,
  life: Life,
  number: number,
  watch: (listener: (streams: readonly string[]) => void) => () => void,
): Deps {
  const { scheduler } = world;
  const connectors = new Map<string, Connector>();
  const timers: Timers = { after: (delay, fn) => scheduler.after(life, delay, fn) };
  const deps: Deps = {
    store: witnessed(world, life, createStore(backendOf(world, life, watch), identity, number)),
    clock: { now: () => scheduler.time(world.offsets[life.node]) },
    timers,
    ids: idsOf(world),
    connectors,
    grantSigner,
    findSecrets: async (text) => (text.includes(LEAK) ? [{ rule: "simulated", line: 1 }] : []),
    secretKey: new Uint8Array(32).fill(7),
    logKeys: [vkey(ORIGIN, logSigner.publicKey)],
    origin: ORIGIN,
    limits: LIMITS,
    report: ({ what, error }) => {
      if (life.over) return;
      if (error instanceof Error && !(error instanceof Away)) world.broke(error);
      else world.problem(what, error);
    },
  };
  for (const each of [world.outside.connector(life), pawlConnector(configDesk(deps))]) connectors.set(each.name, dependable(each, timers));
  return deps;
}

/** The port itself is watched: nothing is acknowledged, and no checkpoint shown, before it is durable. */
function witnessed(world: Surroundings, life: Life, store: Store): Store {
  return {
    ...store,
    async append(request) {
      const answer = await store.append(request);
      if (answer.ok && !life.over) world.published(answer.value, 10, "an append is acknowledged");
      return answer;
    },
    async head() {
      const head = await store.head();
      if (!life.over) world.published(head, 13, "a checkpoint is shown");
      return head;
    },
  };
}

/** Counted, so that the same choices make the same ids. */
function idsOf(world: Surroundings): Ids {
  return {
    next: (prefix) => `${prefix}_${world.scheduler.now.toString(36)}${(world.made += 1).toString(36).padStart(6, "0")}`,
    random: (size) => {
      const bytes = Buffer.alloc(size);
      if (size === 32) bytes.write(TOKEN_MARK, "hex");
      bytes.writeUInt32BE((world.made += 1), size - 4);
      return bytes;
    },
  };
}

/** Between a runner and its desk lies a network: questions and answers are late, lost, or not what was sent. */
function linked({ scheduler, tampers, permitted }: Surroundings, life: Life, desk: RunDesk): RunDesk {
  const over = async <T>(
    what: string,
    ask: () => Promise<Result<T>>,
    tampered: (answer: T) => T = (answer) => answer,
  ): Promise<Result<T>> => {
    const fate = await scheduler.park(life, "desk", what, (given) => given);
    if (fate === "fail" || fate === "lost") throw new Away("the desk was not reached");
    const answer = await ask();
    if (fate === "done_lost") throw new Away("the desk's answer was lost");
    if (fate === "twice") return ask();
    return fate === "tamper" && answer.ok ? { ok: true, value: tampered(answer.value) } : answer;
  };
  return {
    offer: (...asked) =>
      over(
        "offer",
        () => desk.offer(...asked),
        (offer) => tampers.next(offer),
      ),
    start: (...asked) => over("start", () => desk.start(...asked)),
    begin: (...asked) => over("begin", () => desk.begin(...asked)),
    finish: (...asked) => over("finish", () => desk.finish(...asked)),
    check: (...asked) => over("check", () => desk.check(...asked)),
    standing: (...asked) => over("standing", () => desk.standing(...asked)),
    async beginUndo(...asked) {
      const [{ run }, step] = asked;
      let whole = true;
      const spoil = (envelope: Envelope): Envelope => {
        whole = false;
        return tampers.undo(envelope, `${run} ${step}`);
      };
      const answer = await over("begin the undo", () => desk.beginUndo(...asked), spoil);
      if (answer.ok && whole) permitted(life.node, run, step);
      return answer;
    },
    stale: (...asked) => over("stale", () => desk.stale(...asked)),
    report: (...asked) => over("report", () => desk.report(...asked)),
  };
}

/** Somebody between control and runner, who changes one thing at a time and has an old offer at hand. */
export class Tampers {
  #n = 0;
  #old: Offer | undefined;
  #undo: { readonly of: string; readonly envelope: Envelope } | undefined;

  /** The undo grant of another step or run, or this one with a bit turned over. */
  undo(envelope: Envelope, of: string): Envelope {
    const old = this.#undo;
    this.#undo = { of, envelope };
    return (this.#n += 1) % 2 === 0 && old !== undefined && old.of !== of ? old.envelope : flipped(envelope, this.#n);
  }

  next(offer: Offer): Offer {
    const n = (this.#n += 1);
    const old = this.#old;
    this.#old = offer;
    if (n % 3 === 0 && old !== undefined) return old;
    if (n % 3 === 1)
      return {
        ...offer,
        payloads: offer.payloads.map((bytes) => utf8(new TextDecoder().decode(bytes).replace(/"value":"\d"/, '"value":"9"'))),
      };
    return { ...offer, envelope: flipped(offer.envelope, n) };
  }
}

function flipped(envelope: Envelope, n: number): Envelope {
  const bytes = fromBase64(envelope.payload) ?? new Uint8Array(1);
  const at = (n * 131) % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return { ...envelope, payload: toBase64(bytes) };
}
