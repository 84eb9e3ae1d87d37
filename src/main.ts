/** The server's composition root: the only place where store, control, API, witnesses and runner meet. */
import { mkdirSync } from "node:fs";
import { createServer as createProbe, type AddressInfo } from "node:net";
import { join } from "node:path";
import { API_DEFAULTS, createServer, type ApiLogger, type ApiSettings } from "./api/index.ts";
import type { Settings } from "./cli/settings.ts";
import { findSecretsInWords } from "./connectors/git/index.ts";
import { pawlConnector } from "./connectors/pawl/index.ts";
import {
  abandonRunsOf,
  appendAudit,
  byDeclarations,
  configDesk,
  Connectors,
  createControl,
  declarationsInForce,
  dependable,
  dispatchRun,
  Exchange,
  runDesk,
  startWorker,
  watchWrites,
  type Deps,
} from "./control/index.ts";
import type { Connector, RunReport } from "./control/ports.ts";
import { ok, refuse, visible, type ChangeId, type Result, type RunnerId } from "./core/base/index.ts";
import { sealEvidence, type RunEvidence } from "./core/grant/index.ts";
import { parseVkeys, parseWitnessKey } from "./core/ledger/index.ts";
import { firstStart, type FirstStart } from "./first-start.ts";
import { logKeyLines, openWitnessKey, type Keys } from "./keys.ts";
import { lockFolder } from "./lock.ts";
import { Disposals, guardFor, openStoreFor, type Opened } from "./on-disk.ts";
import { runChange } from "./runner/runner.ts";
import type { OpenStore } from "./store/index.ts";
import { clock, connectorsOf, ids, random, repositoriesOf, timers } from "./wiring.ts";
import {
  anchorsFrom,
  startFeeder,
  startWitness,
  type Feeder,
  type FeederSettings,
  type RunningWitness,
  type WitnessAddress,
} from "./witness/index.ts";

export interface RunningPawl {
  readonly url: string;
  readonly firstStart?: FirstStart;
  close(): Promise<void>;
}

export interface Hooks {
  log(line: string): void;
}

export async function startPawl(settings: Settings, hooks: Hooks): Promise<Result<RunningPawl>> {
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const undo = new Disposals();
  try {
    const lock = lockFolder(settings.dataDir);
    if (!lock.ok) return lock;
    undo.add(lock.value);
    const opened = await openStoreFor(settings);
    if (!opened.ok) return await undo.after(opened);
    undo.add(opened.value.close);
    const started = await serve(settings, hooks, opened.value, undo);
    return started.ok ? ok({ ...started.value, close: () => undo.all() }) : await undo.after(started);
  } catch (error) {
    await undo.all();
    throw error;
  }
}

type Served = Omit<RunningPawl, "close">;

async function serve(settings: Settings, hooks: Hooks, { store, keys }: Opened, undo: Disposals): Promise<Result<Served>> {
  // Before the first start makes anything: one that fails must not have been the first.
  const declared = repositoriesOf(settings, []);
  if (!declared.ok) return declared;
  const elsewhere = rememberedElsewhere(settings);
  if (!elsewhere.ok) return elsewhere;
  await tryListening(settings.listen);
  const guard = guardFor(settings, store);
  const whole = await guard.check();
  if (!whole.ok) return whole;
  // The last head is remembered too.
  undo.add(() =>
    guard.check().then(
      () => undefined,
      (error: unknown) => hooks.log(`problem: the last head is not remembered: ${String(error)}`),
    ),
  );
  // What is declared is told to those of runners, too.
  const inForce = () => declarationsInForce(deps);
  const exchange = new Exchange({ clock, timers, nextId: () => ids.next("wrk") });
  const connectors = new Connectors(exchange, settings.remoteConnectors, (connector) => byDeclarations(connector, inForce));
  const report = reporter(hooks);
  const feeder = startFeeder({ ...elsewhere.value, store, guard, log: store.log, report });
  undo.add(feeder.stop);
  const writing = watchWrites(fenced(store, feeder.alarms), report);
  const deps: Deps = {
    ...depsFor(settings, store, keys, connectors),
    ...writing,
    report,
    alarms: feeder.alarms,
    runners: exchange,
    cosigned: feeder.cosigned,
  };
  const begun = await firstStart(deps, settings, keys);
  if (!begun.ok) return begun;
  const wired = connectorsOf(settings, { secretKey: keys.secret, sample: begun.value.repositories });
  if (!wired.ok) return wired;
  for (const connector of [...wired.value, pawlConnector(configDesk(deps))])
    connectors.set(connector.name, dependable(byDeclarations(connector, inForce), timers));
  const runner = keys.runner as RunnerId;
  // What this runner had under way when it last ended is settled before it takes anything up.
  await abandonRunsOf(deps, runner);
  const leaseMillis = settings.limits.leaseSeconds * 1000;
  const ending = new AbortController();
  const run = inProcessRunner(deps, keys, runner, ending.signal);
  const own = { connectors, silenceMillis: leaseMillis };
  const worker = startWorker(deps, {
    leaseMillis,
    tickMillis: 1_000,
    parallel: 4,
    runner,
    run: (change, rest) => dispatchRun(deps, exchange, { ...own, run: (here) => run(here, rest), ...(rest && { rest }) }, change),
    isHeld: (who, change) => exchange.holds(who, change),
  });
  undo.add(() => worker.stop());
  // What only watches says that it goes, and does not keep this process.
  undo.add(() => ending.abort());
  // Whoever waits for a runner elsewhere does not keep this process: what is under way there goes on, and is asked about later.
  undo.add(() => exchange.close());
  const server = createServer({ control: createControl(deps, runner), clock, settings: apiSettings(settings), logger: apiLogger(hooks) });
  undo.add(() => server.close());
  await server.listen({ host: settings.listen.host, port: settings.listen.port });
  await appendAudit(deps, { type: "started", runner, key: Buffer.from(keys.evidence.publicKey).toString("base64") });
  const { made } = begun.value;
  return ok({ url: urlOf(server.addresses(), settings), ...(made === undefined ? {} : { firstStart: made }) });
}

const FEED_MILLIS = 5_000;

/** While this machine remembers more than the database holds, nothing is written on what is left. */
function fenced(store: OpenStore, alarms: Feeder["alarms"]): OpenStore {
  return {
    ...store,
    append: async (request) => {
      const lost = alarms().find(({ code }) => code === "log_set_back");
      return lost === undefined ? store.append(request) : refuse("store_corrupt", lost.message, { remedy: lost.remedy ?? "" });
    },
  };
}

/** Whoever is shown each new head of the log, and what this machine keeps of their answers. */
function rememberedElsewhere(
  settings: Settings,
): Result<Pick<FeederSettings, "witnesses" | "anchors" | "folder" | "everyMillis" | "timers">> {
  const { dataDir, commitIdentity: identity } = settings;
  const witnesses = witnessesOf(settings);
  if (!witnesses.ok) return witnesses;
  const anchors = anchorsFrom(settings.anchors, { dataDir, identity, env: process.env, clock });
  if (!anchors.ok) return anchors;
  const folder = join(dataDir, "witnessed");
  return ok({ witnesses: witnesses.value, anchors: anchors.value, folder, everyMillis: FEED_MILLIS, timers });
}

function witnessesOf({ witnesses }: Settings): Result<readonly WitnessAddress[]> {
  const addresses: WitnessAddress[] = [];
  for (const [at, { url, key }] of witnesses.entries()) {
    const parsed = parseWitnessKey(key);
    if (!parsed.ok)
      return refuse("witness_invalid", parsed.error.message, {
        where: `witnesses[${at}].key`,
        remedy: "copy the key that the witness prints",
      });
    addresses.push({ url, key: parsed.value });
  }
  return ok(addresses);
}

/** A witness of other deployments' logs: a program of its own, on a machine that none of them can write to. */
export async function serveWitness(
  options: { readonly folder: string; readonly listen: Settings["listen"]; readonly name?: string; readonly logs: readonly string[] },
  hooks: Hooks,
): Promise<Result<RunningWitness>> {
  const logs = parseVkeys(options.logs);
  if (!logs.ok) return logs;
  const { folder, listen, name } = options;
  const signer = openWitnessKey(folder, name, random);
  if (!signer.ok) return signer;
  // Two that shared one memory could cosign two histories.
  const lock = lockFolder(folder);
  if (!lock.ok)
    return refuse("folder_in_use", `another witness remembers in ${folder}`, {
      where: "--folder",
      remedy: "stop it, or name another folder",
    });
  try {
    const running = await startWitness({
      folder,
      listen,
      signer: signer.value,
      logs: logs.value,
      clock,
      report: (line) => hooks.log(line),
    });
    return ok({ ...running, close: () => running.close().then(lock.value) });
  } catch (error) {
    lock.value();
    throw error;
  }
}

const reporter =
  (hooks: Hooks): Deps["report"] =>
  ({ what, error }) =>
    hooks.log(`problem: ${what}: ${error instanceof Error ? error.message : JSON.stringify(error)}`);

function depsFor(settings: Settings, store: OpenStore, keys: Keys, connectors: ReadonlyMap<string, Connector>): Omit<Deps, "report"> {
  const { limits } = settings;
  return {
    store,
    clock,
    ids,
    timers,
    connectors,
    grantSigner: keys.grant,
    findSecrets: findSecretsInWords,
    secretKey: keys.secret,
    logKeys: logKeyLines(keys),
    origin: keys.origin,
    limits: {
      changeLifetimeMillis: limits.changeLifetimeSeconds * 1000,
      grantLifetimeMillis: limits.grantLifetimeSeconds * 1000,
      clockSkewMillis: limits.clockSkewSeconds * 1000,
      planTimeoutMillis: limits.planTimeoutSeconds * 1000,
      runTimeoutMillis: limits.runTimeoutSeconds * 1000,
      openChangesPerProposer: limits.openChangesPerProposer,
    },
  };
}

/** Rejects as listening itself would, before anything rests on it. */
function tryListening({ host, port }: Settings["listen"]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const probe = createProbe();
  probe.once("error", reject);
  probe.listen(port, host, () => probe.close(() => resolve()));
  return promise;
}

function apiSettings(settings: Settings): Partial<ApiSettings> {
  const perMinute = (n: number) => ({ perSecond: n / 60, burst: Math.max(10, Math.ceil(n / 6)) });
  return {
    ...settings.listen,
    hosts: settings.trustedHosts,
    ...(settings.publicUrl === undefined ? {} : { publicOrigin: settings.publicUrl }),
    bodyLimitBytes: settings.limits.bodyBytes,
    rate: {
      ...API_DEFAULTS.rate,
      credential: perMinute(settings.rate.perCredentialPerMinute),
      address: perMinute(settings.rate.anonymousPerMinute),
    },
  };
}

/** Requests are not logged one by one: what happened stands in the ledger. What broke is told. */
function apiLogger(hooks: Hooks): ApiLogger {
  return {
    info: () => undefined,
    error: (fields, text) => hooks.log(`problem: ${text}: ${JSON.stringify(fields, told)}`),
  };
}

/** JSON knows nothing of errors: it would write `{}`. */
const told = (_key: string, value: unknown): unknown => (value instanceof Error ? value.stack : value);

function urlOf(addresses: readonly (AddressInfo | string)[], settings: Settings): string {
  const host = settings.listen.host.includes(":") ? `[${settings.listen.host}]` : settings.listen.host;
  const [address] = addresses;
  return `http://${host}:${typeof address === "object" ? address.port : settings.listen.port}`;
}

/** Of what a run says while it goes on. */
const MOST_LINE = 500;

/** The runner of this process: it verifies a grant exactly as one on another machine would. */
function inProcessRunner(
  deps: Deps,
  keys: Keys,
  runner: RunnerId,
  signal: AbortSignal,
): (change: ChangeId, rest?: () => void) => Promise<RunReport> {
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
    timers,
    timeoutMillis: deps.limits.runTimeoutMillis,
    attest: (body: RunEvidence) => sealEvidence(body, keys.evidence),
    signal,
  };
  return (change, rest) => {
    const progress = (line: string): void => deps.runners?.tell({ change, runner, lines: [visible(line.slice(0, MOST_LINE))] });
    return runChange({ ...runnerDeps, progress, ...(rest && { watching: rest }) }, change);
  };
}
