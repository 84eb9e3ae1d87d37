/** The composition root of a runner elsewhere: its keys and memory, its connectors in processes of their own, and the way out. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "./cli/settings.ts";
import { dependable } from "./control/index.ts";
import type { Connector } from "./control/ports.ts";
import { ok, parseJson, refuse, toHex, type Json, type Result, type RunnerId } from "./core/base/index.ts";
import type { Declaration } from "./core/runner/index.ts";
import { openRunnerKeys } from "./keys.ts";
import { lockFolder } from "./lock.ts";
import { Disposals } from "./on-disk.ts";
import {
  exchange,
  inChildren,
  isEnrolled,
  keepIdentity,
  openIdentity,
  openNonces,
  readEnrolment,
  readTrust,
  sameTrust,
  startService,
  type Trust,
} from "./runner/index.ts";
import { clock, connectorsOf, random, timers } from "./wiring.ts";

const ENTRY = join(import.meta.dirname, "connector-child.ts");
const TIMEOUT_MILLIS = 30_000;

export interface RunnerHooks {
  log(line: string): void;
}

const folderOf = ({ dataDir }: Settings): string => join(dataDir, "runner");

function lockRunner(folder: string): Result<() => void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = lockFolder(folder);
  if (lock.ok) return lock;
  return refuse("folder_in_use", `another runner works with ${folder}`, {
    where: folder,
    remedy: "stop it, or set data_dir to another folder",
  });
}

const declarationOf = ({ runner }: Settings, connectors: readonly Connector[]): Declaration => ({
  connectors: connectors.map(({ name, digest }) => ({ name, digest })),
  environments: runner.environments,
  labels: runner.labels,
});

export interface EnrolOptions {
  readonly url: string;
  readonly token: string;
  /** A trust.json that came by another way than this answer. */
  readonly trust?: string;
  /** Another identity in place of the one that is there. */
  readonly anew: boolean;
}

export interface Enrolled {
  readonly runner: RunnerId;
  readonly origin: string;
  readonly folder: string;
  readonly connectors: readonly string[];
  /** The answer was compared with keys that came by another way. */
  readonly compared: boolean;
}

export async function enrolRunner(settings: Settings, options: EnrolOptions, signal: AbortSignal): Promise<Result<Enrolled>> {
  const folder = folderOf(settings);
  if (isEnrolled(folder) && !options.anew)
    return refuse("enrolled_already", "this folder holds an enrolled runner", {
      where: folder,
      remedy: "`pawl runner run` starts it; --anew puts another in its place",
    });
  const known = options.trust === undefined ? ok(undefined) : trustFrom(options.trust);
  if (!known.ok) return known;
  const lock = lockRunner(folder);
  if (!lock.ok) return lock;
  try {
    const keys = openRunnerKeys(folder, random, { anew: options.anew });
    const connectors = connectorsOf(settings, { secretKey: keys.secret });
    if (!connectors.ok) return connectors;
    const body = {
      token: options.token,
      key: Buffer.from(keys.publicKey).toString("base64"),
      declared: declarationOf(settings, connectors.value),
    };
    const url = `${options.url}/v1/runners/enrolment`;
    const answered = await exchange(url, { method: "POST", body: JSON.stringify(body) }, TIMEOUT_MILLIS, signal);
    if (!answered.ok) return answered;
    return keepAnswer(folder, options.url, answered.value, known.value, connectors.value);
  } finally {
    lock.value();
  }
}

function keepAnswer(
  folder: string,
  url: string,
  answer: Json,
  known: Trust | undefined,
  connectors: readonly Connector[],
): Result<Enrolled> {
  const enrolment = readEnrolment(answer);
  if (enrolment === undefined)
    return refuse("strange_answer", "the control plane's answer makes no sense", { where: url, remedy: "check --url and the versions" });
  const { runner, trust } = enrolment;
  if (known !== undefined && !sameTrust(known, trust))
    return refuse("trust_differs", "the control plane names other keys than the file does", {
      where: url,
      remedy: "do not use this runner: find out which of them is right, and have the runner revoked",
    });
  keepIdentity(folder, { runner, url, trust });
  const nonces = openNonces(folder);
  nonces.accept();
  nonces.close();
  return ok({ runner, origin: trust.origin, folder, connectors: connectors.map(({ name }) => name), compared: known !== undefined });
}

function trustFrom(path: string): Result<Trust> {
  const parsed = existsSync(path) ? parseJson(readFileSync(path), { bytes: 256 * 1024 }) : undefined;
  const trust = parsed?.ok === true ? readTrust(parsed.value) : undefined;
  if (trust !== undefined) return ok(trust);
  return refuse("trust_malformed", "the file of trusted keys cannot be read", {
    where: path,
    remedy: "take trust.json from the server's data folder, by another way than Pawl itself",
  });
}

export interface RunningRunner {
  readonly runner: RunnerId;
  readonly origin: string;
  readonly urls: readonly string[];
  readonly connectors: readonly string[];
  readonly environments: readonly string[];
  /** Settles when it may go on no more, with why. */
  readonly ended: Promise<Result<void>>;
  close(): Promise<void>;
}

export async function startRunner(settings: Settings, hooks: RunnerHooks): Promise<Result<RunningRunner>> {
  const folder = folderOf(settings);
  const identity = openIdentity(folder);
  if (!identity.ok) return identity;
  const undo = new Disposals();
  try {
    const lock = lockRunner(folder);
    if (!lock.ok) return lock;
    undo.add(lock.value);
    const keys = openRunnerKeys(folder, random);
    const connectors = connectorsOf(settings, { secretKey: keys.secret });
    if (!connectors.ok) return await undo.after(connectors);
    const children = inChildren(connectors.value, {
      entry: ENTRY,
      // A database's address may hold a password, and no connector has to do with it.
      init: { settings: { ...settings, database: { kind: "sqlite" } }, secret: toHex(keys.secret) } as unknown as Json,
      folder: join(settings.dataDir, "work", "connectors"),
      memoryMib: settings.runner.memoryMib,
      env: process.env,
      timers,
      log: (line) => hooks.log(line),
    });
    undo.add(() => children.close());
    const nonces = openNonces(folder);
    undo.add(() => nonces.close());
    const urls = settings.runner.urls.length > 0 ? settings.runner.urls : [identity.value.url];
    const service = startService({
      identity: identity.value,
      urls,
      sign: keys.sign,
      nonces,
      connectors: new Map([...children.connectors].map(([name, connector]) => [name, dependable(connector, timers)])),
      environments: settings.runner.environments,
      labels: settings.runner.labels,
      clock,
      timers,
      skewMillis: settings.limits.clockSkewSeconds * 1000,
      timeoutMillis: settings.limits.runTimeoutSeconds * 1000,
      parallel: settings.runner.parallel,
      random,
      log: (line) => hooks.log(line),
    });
    undo.add(() => service.stop());
    const ready = await service.ready;
    if (!ready.ok) return await undo.after(ready);
    const { runner, trust } = identity.value;
    return ok({
      runner,
      origin: trust.origin,
      urls,
      connectors: connectors.value.map(({ name }) => name),
      environments: settings.runner.environments,
      ended: service.ended,
      close: () => undo.all(),
    });
  } catch (error) {
    await undo.all();
    throw error;
  }
}
