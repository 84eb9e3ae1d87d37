/** A runner elsewhere at work: it dials out, waits for work, and answers. It decides nothing, and believes no more than it can verify. */
import {
  fail,
  fromBase64,
  ok,
  refuse,
  toBase64,
  toHex,
  type ChangeId,
  type Json,
  type JsonObject,
  type Refusal,
  type Result,
} from "../core/base/index.ts";
import { sealEvidence, type GrantSigner } from "../core/grant/index.ts";
import { readWorks, serves, toWire, type Declaration, type Work } from "../core/runner/index.ts";
import type { Clock, Connector, RunReport, Timers } from "../control/ports.ts";
import { signedClient, type Client } from "./client.ts";
import { httpDesk } from "./http-desk.ts";
import type { Identity } from "./identity.ts";
import type { NonceStore } from "./nonces.ts";
import { runChange } from "./runner.ts";
import { telling } from "./telling.ts";

export interface ServiceOptions {
  readonly identity: Identity;
  /** Every node of the control plane that is asked for work. */
  readonly urls: readonly string[];
  readonly sign: (message: Uint8Array) => Uint8Array;
  readonly nonces: NonceStore;
  readonly connectors: ReadonlyMap<string, Connector>;
  readonly environments: readonly string[];
  readonly labels: readonly string[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly skewMillis: number;
  readonly timeoutMillis: number;
  /** Runs at a time. */
  readonly parallel: number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: (line: string) => void;
}

export interface Service {
  /** The first session has begun, or why it never will. */
  readonly ready: Promise<Result<void>>;
  /** Settles when it has ended: by `stop`, or because it may go on no more. */
  readonly ended: Promise<Result<void>>;
  /** Takes no more, and waits for what is under way. */
  stop(): Promise<void>;
}

/** What ends a runner's life: nothing that it asks again will be answered otherwise. */
const FATAL = [
  "runner_revoked",
  "epoch_moved",
  "epoch_behind",
  "nonces_restored",
  "bad_signature",
  "bad_enrolment_token",
  "environment_not_allowed",
];
const BACKOFF_MILLIS = [250, 1_000, 2_000, 5_000, 10_000];
const WAIT_SECONDS = 25;
/** As many as one request can say that it has. */
const MOST_RUNS = 64;
/** What may be under way at a time: whoever hands out more is not listened to. */
const MOST_WORK = 256;

export function startService(options: ServiceOptions): Service {
  const service = new RunnerService(options);
  return { ready: service.ready.promise, ended: service.run(), stop: () => service.stop() };
}

class RunnerService {
  readonly #options: ServiceOptions;
  readonly #stopping = new AbortController();
  /** Nothing that is still asked is waited for. */
  readonly #over = new AbortController();
  readonly ready = Promise.withResolvers<Result<void>>();
  readonly #under = new Map<string, Promise<void>>();
  readonly #runs = new Set<ChangeId>();
  /** Runs that only look again from time to time: they need no place of their own. */
  readonly #watching = new Set<ChangeId>();
  #epoch = 0;
  #end: Result<void> = ok(undefined);

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  #ended: Promise<unknown> = Promise.resolve();

  run(): Promise<Result<void>> {
    const ended = this.#live();
    this.#ended = ended;
    return ended;
  }

  async #live(): Promise<Result<void>> {
    const clients = this.#options.urls.map((url) => this.#client(url));
    const begun = await this.#begin(clients);
    this.ready.resolve(begun);
    if (!begun.ok) return begun;
    await Promise.all(clients.map((client) => this.#poll(client)));
    await this.#settled();
    this.#over.abort();
    return this.#end;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  #client(url: string): Client {
    const { identity, sign, clock } = this.#options;
    return signedClient({
      url,
      deployment: identity.trust.origin,
      runner: identity.runner,
      sign,
      epoch: () => this.#epoch,
      clock,
      nonce: () => this.#nonce(),
      signal: this.#over.signal,
    });
  }

  #nonce(): string {
    return toHex(this.#options.random(16));
  }

  get #declared(): Declaration {
    const { connectors, environments, labels } = this.#options;
    return { connectors: [...connectors.values()].map(({ name, digest }) => ({ name, digest })), environments, labels };
  }

  /** Each attempt is a life of its own, so that a lost answer costs nothing but a number. */
  async #begin(clients: readonly Client[]): Promise<Result<void>> {
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt += 1) {
      const epoch = this.#options.nonces.nextEpoch();
      if (!epoch.ok) return epoch;
      this.#epoch = epoch.value;
      const client = clients[attempt % clients.length];
      const opened = await client?.post("/v1/runner/session", { epoch: epoch.value, declared: this.#declared as unknown as Json });
      if (opened?.ok === true) return ok(undefined);
      const error = opened?.error ?? { code: "no_url", message: "no control plane is named" };
      if (error.code !== "unavailable") return fail(error);
      this.#options.log(`waiting for the control plane: ${error.message}`);
      await this.#pause(attempt);
    }
    return refuse("stopped", "stopped before a session began");
  }

  #pause(attempt: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.timers.after(BACKOFF_MILLIS[Math.min(attempt, BACKOFF_MILLIS.length - 1)] ?? 0, resolve);
    const stop = (): void => {
      cancel();
      resolve();
    };
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    return promise.finally(() => this.#stopping.signal.removeEventListener("abort", stop));
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** While it stops, it asks on for as long as it has runs under way: so it is heard of, and nobody takes them for lost. */
  async #poll(client: Client): Promise<void> {
    const mine = new Set<string>();
    for (let failures = 0; !this.#isStopping || this.#runs.size > 0;) {
      const answered = await this.#ask(client, mine);
      if (this.#isStopping && this.#runs.size === 0) return;
      if (answered.ok) {
        failures = 0;
        for (const work of this.#isStopping ? [] : answered.value) this.#take(client, mine, work);
        continue;
      }
      if (FATAL.includes(answered.error.code)) return this.#giveUp(answered.error);
      if (failures === 0) this.#options.log(`waiting for work: ${answered.error.message}`);
      await this.#pause(failures);
      failures += 1;
    }
  }

  async #ask(client: Client, mine: ReadonlySet<string>): Promise<Result<readonly Work[]>> {
    const list = (name: string, ids: Iterable<string>): string => {
      const all = [...ids].slice(0, MOST_RUNS).join(",");
      return all === "" ? "" : `&${name}=${all}`;
    };
    const path = `/v1/runner/poll?wait=${WAIT_SECONDS}${list("has", mine)}${list("runs", this.#runs)}`;
    const { promise: stopped, resolve } = Promise.withResolvers<Result<never>>();
    const stop = (): void => void this.#settled().then(() => resolve(refuse("unavailable", "this runner is stopping")));
    if (this.#isStopping) stop();
    else this.#stopping.signal.addEventListener("abort", stop, { once: true });
    const answered = await Promise.race([client.get(path, WAIT_SECONDS * 1000), stopped]);
    this.#stopping.signal.removeEventListener("abort", stop);
    if (!answered.ok) return answered;
    const works = readWorks(answered.value);
    return works === undefined ? refuse("unavailable", "what it hands out as work makes no sense") : ok(works);
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#under.values());
  }

  #giveUp(error: Refusal): void {
    this.#end = fail(error);
    this.#options.log(`${error.message}${error.remedy === undefined ? "" : `; ${error.remedy}`}`);
    this.#stopping.abort();
  }

  #take(client: Client, mine: Set<string>, work: Work): void {
    if (mine.has(work.id) || this.#under.size >= MOST_WORK) return;
    mine.add(work.id);
    const done = this.#perform(client, work)
      .catch((error: unknown) => toWire(refuse("runner_broke", String(error).slice(0, 500).toWellFormed())))
      .then((answer) => this.#answer(client, work, answer))
      .finally(() => {
        mine.delete(work.id);
        this.#under.delete(work.id);
      });
    this.#under.set(work.id, done);
  }

  async #answer(client: Client, work: Work, answer: Json): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const sent = await client.post("/v1/runner/answers", { id: work.id, answer });
      if (sent.ok) return;
      if (sent.error.code === "body_too_large") {
        const refusal: Refusal = {
          code: "answer_too_large",
          message: "what the connector found is larger than the control plane takes",
          remedy: "raise limits.body_bytes there, or ask for less",
        };
        const lesser = work.kind === "admit" ? { error: [refusal] } : { error: refusal };
        await client.post("/v1/runner/answers", { id: work.id, answer: lesser as unknown as Json });
        return;
      }
      if (sent.error.code !== "unavailable") return;
      await this.#pause(attempt);
    }
  }

  async #perform(client: Client, work: Work): Promise<Json> {
    if (work.kind === "run") return (await this.#run(client, work.change)) as unknown as JsonObject;
    const connector = this.#options.connectors.get(work.connector);
    if (connector === undefined) {
      const missing: Refusal = {
        code: "unknown_connector",
        message: `this runner has no connector "${work.connector}"`,
        remedy: "declare it in the runner's settings",
      };
      return toWire(fail(work.kind === "admit" ? [missing] : missing));
    }
    switch (work.kind) {
      case "admit":
        return toWire(await this.#admit(connector, work.input));
      case "analyse": {
        const analysed = await connector.analyse(work.input, { timeoutMillis: work.timeoutMillis });
        if (!analysed.ok) return toWire(analysed);
        const { analysis, payload, freshForMillis } = analysed.value;
        return toWire(ok({ analysis, payload: toBase64(payload), freshForMillis }));
      }
      default:
        return toWire(await connector.observe(fromBase64(work.payload) ?? new Uint8Array(), { timeoutMillis: work.timeoutMillis }));
    }
  }

  /** Control asks only for environments that are declared; this runner keeps to them by itself too. */
  async #admit(connector: Connector, input: Json) {
    const admitted = await connector.admit(input);
    if (!admitted.ok || serves(this.#options, admitted.value.names.environment)) return admitted;
    const { environment } = admitted.value.names;
    return fail([
      {
        code: "environment_not_served",
        message: `this runner does not serve the environment ${environment}`,
        remedy: "name it in runner.environments",
      },
    ]);
  }

  async #run(client: Client, change: ChangeId): Promise<RunReport> {
    const { identity, nonces, connectors, clock, timers, skewMillis, timeoutMillis, parallel, sign } = this.#options;
    const busy = (code: string, message: string): RunReport => ({
      kind: "not_started",
      error: { code, message, remedy: "it is tried again by itself" },
    });
    if (this.#runs.has(change)) return busy("run_under_way", `change ${change} is being run here`);
    if (this.#runs.size - this.#watching.size >= parallel || this.#runs.size >= MOST_RUNS)
      return busy("unavailable", `this runner has ${parallel} runs under way already`);
    if (this.#stopping.signal.aborted) return busy("unavailable", "this runner is stopping");
    this.#runs.add(change);
    const { runner, trust } = identity;
    const key: GrantSigner = { name: runner, sign };
    const told = telling(timers, (lines) => client.post("/v1/runner/progress", { change, lines: [...lines] }));
    this.#options.log(`running ${change}`);
    try {
      const report = await runChange(
        {
          desk: httpDesk({
            client,
            nonces,
            now: () => clock.now(),
            startKey: () => this.#nonce(),
            pause: (millis) => new Promise<void>((resolve) => void timers.after(millis, resolve)),
          }),
          connectors,
          trust: { deployment: trust.origin, runner, grantKeys: trust.grantKeys, logKeys: trust.logKeys, skewMillis },
          clock,
          timers,
          timeoutMillis,
          attest: (body) => sealEvidence(body, key),
          progress: told.say,
          watching: () => void this.#watching.add(change),
          signal: this.#stopping.signal,
        },
        change,
      );
      this.#options.log(`${change}: ${endOf(report)}`);
      return report;
    } finally {
      await told.end();
      this.#runs.delete(change);
      this.#watching.delete(change);
    }
  }
}

const endOf = (report: RunReport): string =>
  report.kind === "ended"
    ? report.code === report.end
      ? report.end
      : `${report.end}, ${report.code}`
    : report.kind === "stale"
      ? "the state had moved"
      : `${report.kind}: ${report.error.message}`;
