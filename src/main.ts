/** The composition root: the only place where clock, chance, disk, network and core meet. */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { API_DEFAULTS, createServer, type ApiLogger, type ApiSettings } from "./api/index.ts";
import type { Settings } from "./cli/settings.ts";
import { checkRepositories, gitConnector } from "./connectors/git/index.ts";
import { pawlConnector } from "./connectors/pawl/index.ts";
import { abandon, appendAudit, configDesk, createControl, runDesk, startWorker, type Deps } from "./control/index.ts";
import type { Clock, Connector, Ids, Timers } from "./control/ports.ts";
import { millis, ok, refuse, type ChangeId, type Result, type RunnerId } from "./core/base/index.ts";
import { vkey } from "./core/ledger/index.ts";
import { firstStart, type FirstStart } from "./first-start.ts";
import { openKeys, type Keys } from "./keys.ts";
import { keyedLock } from "./lock.ts";
import { runChange } from "./runner/runner.ts";
import { fsck, move, openPostgres, openSqlite, type FsckReport, type Moved, type OpenStore } from "./store/index.ts";

export interface RunningPawl {
  readonly url: string;
  readonly firstStart?: FirstStart;
  close(): Promise<void>;
}

export type { FsckReport };

export interface Hooks {
  log(line: string): void;
}

const clock: Clock = { now: () => millis(Date.now()) };

const ids: Ids = {
  next: (prefix) => `${prefix}_${Date.now().toString(16).padStart(12, "0")}${randomBytes(10).toString("hex")}`,
  random: (bytes) => randomBytes(bytes),
};

const timers: Timers = {
  after(delay, fn) {
    const timer = setTimeout(fn, delay);
    return () => clearTimeout(timer);
  },
};

export interface Opened {
  readonly store: OpenStore;
  readonly keys: Keys;
  close(): Promise<void>;
}

/** The settings' database with the deployment's keys: what every command that works on the disk begins with. */
export async function openStoreFor(settings: Settings): Promise<Result<Opened>> {
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const keys = openKeys(settings.dataDir, settings.origin);
  if (!keys.ok) return keys;
  const store = await openDatabase(settings.database, settings.dataDir, keys.value);
  return store.ok ? ok({ store: store.value, keys: keys.value, close: () => store.value.close() }) : store;
}

function openDatabase(database: Settings["database"], dataDir: string, keys: Keys) {
  const identity = { origin: keys.origin, signer: keys.log };
  if (database.kind === "postgres") return openPostgres({ url: database.url, poolSize: database.poolSize, ...identity });
  return openSqlite({ path: join(dataDir, "pawl.db"), ...identity });
}

export async function fsckStore(settings: Settings): Promise<Result<FsckReport>> {
  const opened = await openStoreFor(settings);
  if (!opened.ok) return opened;
  const { store, close } = opened.value;
  try {
    return ok(await fsck(store));
  } finally {
    await close();
  }
}

/** Copies the whole deployment's database into an empty one, with the same ledger root. */
export async function moveDatabase(settings: Settings, target: Settings["database"]): Promise<Result<Moved>> {
  const from = await openStoreFor(settings);
  if (!from.ok) return from;
  const to = await openDatabase(target, settings.dataDir, from.value.keys);
  try {
    return to.ok ? await move(from.value.store, to.value) : to;
  } finally {
    if (to.ok) await to.value.close();
    await from.value.close();
  }
}

export async function startPawl(settings: Settings, hooks: Hooks): Promise<Result<RunningPawl>> {
  const opened = await openStoreFor(settings);
  if (!opened.ok) return opened;
  try {
    const started = await serve(settings, hooks, opened.value);
    if (!started.ok) await opened.value.close();
    return started;
  } catch (error) {
    await opened.value.close();
    throw error;
  }
}

async function serve(settings: Settings, hooks: Hooks, { store, keys }: Opened): Promise<Result<RunningPawl>> {
  const connectors = new Map<string, Connector>();
  const deps: Deps = {
    store,
    clock,
    ids,
    timers,
    connectors,
    grantSigner: keys.grant,
    logKeys: [vkey(keys.origin, keys.log.publicKey)],
    origin: keys.origin,
    limits: {
      changeLifetimeMillis: settings.limits.changeLifetimeSeconds * 1000,
      grantLifetimeMillis: settings.limits.grantLifetimeSeconds * 1000,
      clockSkewMillis: settings.limits.clockSkewSeconds * 1000,
      planTimeoutMillis: settings.limits.planTimeoutSeconds * 1000,
      runTimeoutMillis: settings.limits.runTimeoutSeconds * 1000,
      openChangesPerProposer: settings.limits.openChangesPerProposer,
    },
    report: ({ what, error }) => hooks.log(`problem: ${what}: ${error instanceof Error ? error.message : JSON.stringify(error)}`),
  };
  const begun = await firstStart(deps, settings, keys);
  if (!begun.ok) return begun;
  const first = begun.value;
  const repositories = [...settings.repositories, ...first.repositories];
  const faults = checkRepositories(repositories);
  if (faults.length > 0) return refuse("repositories_invalid", faults.map((f) => `${f.where ?? ""}: ${f.message}`).join("; "), { remedy: faults[0]?.remedy ?? "" });
  connectors.set("git", gitConnector({ repositories, workDir: join(settings.dataDir, "work", "git"), secretKey: keys.secret, clock, submitterIdentity: settings.commitIdentity, env: process.env }));
  connectors.set("pawl", pawlConnector(configDesk(deps)));

  const runner = keys.runner as RunnerId;
  await abandonOwn(deps, runner);
  const run = inProcessRunner(deps, keys, runner, settings);
  const worker = startWorker(deps, { leaseMillis: deps.limits.runTimeoutMillis * 4, tickMillis: 1_000, parallel: 4, run });
  const control = createControl(deps, runner, (change) => void run(change).catch((error: unknown) => deps.report({ what: `running ${change}`, error })));
  const server = createServer({ control, clock, settings: apiSettings(settings), logger: apiLogger(hooks) });
  await server.listen({ host: settings.listen.host, port: settings.listen.port });
  await appendAudit(deps, { type: "started", runner });
  return ok({
    url: urlOf(server.addresses(), settings),
    ...(first.made === undefined ? {} : { firstStart: first.made }),
    async close() {
      await server.close();
      await worker.stop();
      await store.close();
    },
  });
}

function apiSettings(settings: Settings): Partial<ApiSettings> {
  const perMinute = (n: number) => ({ perSecond: n / 60, burst: Math.max(10, Math.ceil(n / 6)) });
  return {
    ...settings.listen,
    hosts: settings.trustedHosts,
    ...(settings.publicUrl === undefined ? {} : { publicOrigin: settings.publicUrl }),
    bodyLimitBytes: settings.limits.bodyBytes,
    rate: { ...API_DEFAULTS.rate, credential: perMinute(settings.rate.perCredentialPerMinute), address: perMinute(settings.rate.anonymousPerMinute) },
  };
}

/** Requests are not logged one by one: what happened stands in the ledger. What broke is told. */
function apiLogger(hooks: Hooks): ApiLogger {
  return {
    info: () => undefined,
    error: (fields, text) => hooks.log(`problem: ${text}: ${JSON.stringify(fields)}`),
  };
}

function urlOf(addresses: readonly (AddressInfo | string)[], settings: Settings): string {
  const host = settings.listen.host.includes(":") ? `[${settings.listen.host}]` : settings.listen.host;
  const [address] = addresses;
  return `http://${host}:${typeof address === "object" ? address.port : settings.listen.port}`;
}

/** The runner of this process: it verifies a grant exactly as one on another machine would. */
function inProcessRunner(deps: Deps, keys: Keys, runner: RunnerId, settings: Settings): (change: ChangeId) => Promise<void> {
  const runnerDeps = {
    desk: runDesk(deps),
    connectors: deps.connectors,
    trust: {
      deployment: keys.origin,
      runner,
      grantKeys: new Map([[keys.grant.name, keys.grant.publicKey]]),
      logKeys: deps.logKeys,
      skewMillis: deps.limits.clockSkewMillis,
    },
    clock,
    timeoutMillis: settings.limits.runTimeoutSeconds * 1000,
    lock: keyedLock(),
  };
  return async (change) => {
    const report = await runChange(runnerDeps, change);
    if (report.kind === "not_started" || report.kind === "stopped") deps.report({ what: `run of ${change}: ${report.kind}`, error: report.error });
  };
}

/** What this runner had under way when its process ended: it will not come back to report. */
async function abandonOwn(deps: Deps, runner: RunnerId): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({ prefix: "change/", statuses: ["running"], limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    for (const row of page.rows) {
      const state = row.body as { id?: string; runner?: string } | null;
      if (state?.runner === runner) await abandon(deps, state.id as ChangeId, "runner_restarted");
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}
