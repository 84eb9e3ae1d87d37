/** Real control, a real worker and the in-process runner over a store, with time, chance and the outside world in a test's hand. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { pawlConnector } from "../connectors/pawl/index.ts";
import {
  abandonRunsOf,
  configDesk,
  createControl,
  dependable,
  runDesk,
  seedConfig,
  startWorker,
  type Deps,
  type Limits,
  type Worker,
} from "../control/index.ts";
import type { Connector, Ids, Store } from "../control/ports.ts";
import type { Caller, ChangeView, Control, ControlRefusal } from "../control/types.ts";
import {
  canonical,
  parseJson,
  type ChangeId,
  type JsonObject,
  type PersonId,
  type PrincipalId,
  type Result,
  type RunnerId,
} from "../core/base/index.ts";
import type { ChangeEvent, Status } from "../core/change/index.ts";
import { vkey } from "../core/ledger/index.ts";
import type { Directory } from "../core/review/index.ts";
import { runChange, type RunnerDeps } from "../runner/runner.ts";
import { openMemory, type OpenStore } from "../store/index.ts";
import { testSigner } from "./ledger.ts";
import { ManualTime } from "./manual-time.ts";
import { Life, mortal } from "./mortal-store.ts";
import { Outside } from "./scripted-connector.ts";
import { WORLD_DIRECTORY, WORLD_POLICY, type ChangeBody } from "./world-rules.ts";

export * from "./world-rules.ts";

const WORLD_ORIGIN = "pawl.test/world";
const RUNNER = "rnr_world0001" as RunnerId;
/** Wednesday, noon. */
const NOON = Date.UTC(2026, 8, 16, 12, 0, 0);
const logSigner = testSigner(WORLD_ORIGIN, 11);
const grantSigner = testSigner(`${WORLD_ORIGIN}/grants`, 12);
export const worldIdentity = { origin: WORLD_ORIGIN, signer: logSigner };

export interface WorldOptions {
  readonly store?: OpenStore;
  readonly time?: ManualTime;
  readonly outside?: Outside;
  readonly policy?: string;
  readonly directory?: Directory;
  readonly connectors?: readonly Connector[];
  readonly limits?: Partial<Limits>;
  readonly runner?: RunnerId;
  /** Without a worker, jobs wait for a test to do something. */
  readonly worker?: false;
}

const LIMITS: Limits = {
  changeLifetimeMillis: 7 * 24 * 3_600_000,
  grantLifetimeMillis: 3_600_000,
  clockSkewMillis: 60_000,
  planTimeoutMillis: 30_000,
  runTimeoutMillis: 30_000,
  openChangesPerProposer: 1_000,
};

export class ControlWorld {
  readonly store: OpenStore;
  readonly time: ManualTime;
  readonly outside: Outside;
  readonly life = new Life();
  readonly deps: Deps;
  readonly control: Control;
  readonly runner: RunnerDeps;
  /** What nobody waited for. */
  readonly problems: { readonly what: string; readonly error: unknown }[] = [];
  #worker: Worker | undefined;

  private constructor(options: WorldOptions) {
    this.store = options.store ?? openMemory(worldIdentity);
    this.time = options.time ?? new ManualTime(NOON);
    this.outside = options.outside ?? new Outside();
    const connectors = new Map<string, Connector>();
    this.deps = {
      store: mortal(this.store, this.life),
      clock: this.time,
      timers: this.time,
      ids: countedIds(this.time),
      connectors,
      grantSigner,
      findSecrets: async (text) => (text.includes("hunter2") ? [{ rule: "test/password", line: 1 }] : []),
      secretKey: new Uint8Array(32).fill(7),
      logKeys: [vkey(WORLD_ORIGIN, logSigner.publicKey)],
      origin: WORLD_ORIGIN,
      limits: { ...LIMITS, ...options.limits },
      report: (problem) => void this.problems.push(problem),
    };
    const all = options.connectors ?? [this.outside.connector()];
    for (const each of [...all, pawlConnector(configDesk(this.deps))]) connectors.set(each.name, dependable(each, this.time));
    const runner = options.runner ?? RUNNER;
    this.control = createControl(this.deps, runner);
    this.runner = runnerOf(this.deps, runner);
  }

  /** A process starts: rules are seeded where there are none, its own lost runs are given up, work is taken up. */
  static async open(options: WorldOptions = {}): Promise<ControlWorld> {
    const world = new ControlWorld(options);
    const { deps, runner } = world;
    for (const [kind, text] of [
      ["policy", options.policy ?? WORLD_POLICY],
      ["directory", canonical(options.directory ?? WORLD_DIRECTORY)],
    ] as const) {
      assert.ok((await seedConfig(deps, kind, text)).ok);
    }
    await abandonRunsOf(deps, runner.trust.runner);
    if (options.worker !== false) world.work();
    return world;
  }

  /** Takes up the jobs that wait. */
  work(): void {
    const settings = { leaseMillis: 60_000, tickMillis: 1_000, parallel: 4, runner: this.runner.trust.runner };
    this.#worker = startWorker(this.deps, {
      ...settings,
      run: (change, rest) => runChange({ ...this.runner, ...(rest && { watching: rest }) }, change),
    });
  }

  /** The next process on the same data. */
  async restart(options: WorldOptions = {}): Promise<ControlWorld> {
    this.life.end();
    return ControlWorld.open({ store: this.store, time: this.time, outside: this.outside, ...options });
  }

  async close(): Promise<void> {
    if (!this.life.over) await this.#worker?.stop();
    await this.store.close();
  }

  /** Until nothing is due or under way, or the process is dead. */
  async settle(): Promise<void> {
    await Promise.race([this.#worker?.idle(), this.life.ended]);
  }

  /** Lets time pass and settles, again and again: everything that was put off within that time is done. */
  async pass(millis: number, step = 60_000): Promise<void> {
    for (let left = millis; left > 0; left -= step) {
      this.time.pass(Math.min(step, left));
      await this.settle();
    }
  }

  /** Puts something of a test's own between control and the store. */
  between(members: Partial<Store>): void {
    const store = new Proxy(this.deps.store, { get: (target, key) => (Reflect.get(members, key) ?? Reflect.get(target, key)) as unknown });
    Object.assign(this.deps, { store });
  }

  as(name: string, more: Partial<Caller> = {}): Caller {
    const machine = /^(agent|workload|runner):/.exec(name);
    const kind = (machine?.[1] ?? "human") as Caller["kind"];
    const principal = (machine === null ? `human:${name}` : name) as PrincipalId;
    const identity = `token:tok_${name.replaceAll(/[^a-z0-9]/g, "")}000000`;
    const known = WORLD_DIRECTORY.persons.find(({ id }) => id === name);
    return {
      principal,
      kind,
      identity,
      ...(machine === null ? { person: name as PersonId } : {}),
      roles: known?.roles ?? [],
      channel: "cli",
      ...more,
    };
  }

  /** Proposed and planned. */
  async propose(body: ChangeBody, by = "agent:bot", key?: string): Promise<ChangeView> {
    const proposed = good(await this.control.propose(this.as(by), body, key));
    await this.settle();
    return this.view(proposed.id);
  }

  async view(change: string): Promise<ChangeView> {
    return good(await this.control.read(this.as("hal"), change));
  }

  /** A vote on what the change says now. */
  async vote(
    by: string,
    change: string,
    more: Readonly<Record<string, string>> = {},
    as: Partial<Caller> = {},
  ): Promise<Result<ChangeView, ControlRefusal>> {
    const { review_digest } = await this.view(change);
    return this.control.vote(this.as(by, as), change, { decision: "approve", review_digest: review_digest ?? NO_DIGEST, ...more });
  }

  /** Approvals that must all be accepted, and what comes of them. */
  async approve(change: string, ...by: readonly string[]): Promise<ChangeView> {
    for (const each of by) good(await this.vote(each, change));
    await this.settle();
    return this.view(change);
  }

  /** Waits until a change is in one of these states, while jobs may still be under way. */
  async reaches(change: string, ...statuses: readonly Status[]): Promise<ChangeView> {
    for (let now = await this.view(change); ; now = good(await this.control.wait(this.as("hal"), change, now.version, 1e9))) {
      if (statuses.includes(now.status)) return now;
    }
  }

  async events(change: string): Promise<readonly ChangeEvent[]> {
    const all = good(await this.control.events(this.as("hal"), change, 0, 1_000));
    return all.map(({ event }) => event as unknown as ChangeEvent);
  }

  async types(change: string): Promise<readonly string[]> {
    return (await this.events(change)).map(({ type }) => type);
  }

  /** Every entry of the ledger from an index on. */
  async entries(from = 0): Promise<readonly { readonly stream: string; readonly event: JsonObject }[]> {
    const rows = await this.store.entries(from, 1_000);
    const read = rows.map(({ stream, bytes }) => {
      const entry = parseJson(bytes);
      assert.ok(entry.ok);
      return { stream, event: (entry.value as { event: JsonObject }).event };
    });
    return rows.length === 1_000 ? [...read, ...(await this.entries(from + rows.length))] : read;
  }

  /** A change of Pawl's own rules, proposed and signed by an administrator each, and run. */
  async replace(kind: "policy" | "directory", document: string | Directory, by = "flo", signer = "ed"): Promise<ChangeView> {
    const text = typeof document === "string" ? document : canonical(document);
    const change = await this.propose({ title: `replace the ${kind}`, steps: [{ connector: "pawl", input: { kind, text } }] }, by);
    return this.approve(change.id, signer);
  }

  /** Other rules come into force at once, as a run of such a change has them do. */
  async put(kind: "policy" | "directory", document: string | Directory): Promise<void> {
    const desk = configDesk(this.deps);
    const text = typeof document === "string" ? document : canonical(document);
    assert.ok((await desk.replace(kind, (await desk.current(kind)).digest, text)).ok);
  }
}

const NO_DIGEST = `sha256:${"0".repeat(64)}`;

function runnerOf(deps: Deps, runner: RunnerId): RunnerDeps {
  return {
    desk: runDesk(deps),
    connectors: deps.connectors,
    trust: {
      deployment: deps.origin,
      runner,
      grantKeys: new Map([[grantSigner.name, grantSigner.publicKey]]),
      logKeys: deps.logKeys,
      skewMillis: deps.limits.clockSkewMillis,
    },
    clock: deps.clock,
    timers: deps.timers,
    timeoutMillis: deps.limits.runTimeoutMillis,
  };
}

/** Counted, and still never the same in two lives of one world. */
function countedIds(time: ManualTime): Ids {
  const life = (lives += 1);
  let made = 0;
  const next = (): string => `${life.toString(36).padStart(3, "0")}${(made += 1).toString(36).padStart(6, "0")}`;
  return {
    next: (prefix) => `${prefix}_${time.now().toString(36)}${next()}`,
    random: (bytes) => new Uint8Array(createHash("shake256", { outputLength: bytes }).update(next()).digest()),
  };
}
let lives = 0;

export function good<T, E>(answer: Result<T, E>): T {
  assert.ok(answer.ok, answer.ok ? "" : JSON.stringify(answer.error));
  return answer.value;
}

export function refusal<T>(answer: Result<T, ControlRefusal>): ControlRefusal {
  assert.ok(!answer.ok, answer.ok ? `not refused: ${JSON.stringify(answer.value)}` : "");
  return answer.error;
}

export const idOf = (view: { readonly id: string }): ChangeId => view.id as ChangeId;
