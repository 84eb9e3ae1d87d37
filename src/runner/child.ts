/** A connector in a process of its own: it sees the environment that it declared, a folder of its own, and bounded time and memory. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fail, toBase64, type Json, type JsonObject, type Refusal, type Result } from "../core/base/index.ts";
import { objectOf, readAdmitted, readAnalysed, readObserved, readPerformed, readVerified, textOf } from "../core/runner/index.ts";
import type { Connector, PerformFault, RunLimits, Timers } from "../control/ports.ts";
import { readFrames, sendFrame } from "./frames.ts";

export interface ChildOptions {
  /** The program that serves the connectors, and what it is told first. */
  readonly entry: string;
  readonly init: Json;
  /** Under which each process gets a folder of its own. */
  readonly folder: string;
  readonly memoryMib: number;
  /** Of which a process gets what its connector needs, and a few names that every program wants. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timers: Timers;
  /** What it said on its own streams, for whoever runs this runner; it goes nowhere else. */
  readonly log: (line: string) => void;
}

type Mode = "read" | "write";
const EVERYBODY = ["PATH", "LANG", "LC_ALL", "TZ"];
const MOST_SAID = 4_096;
/** What a connector may take beyond its time to say itself that it ran out, and to start. */
const GRACE_MILLIS = 15_000;
const ADMIT_MILLIS = 15_000;
const IDLE_MILLIS = 60_000;

/** The same connectors, each worked in processes of its own: one that may only look, and one that may write. */
export function inChildren(
  connectors: readonly Connector[],
  options: ChildOptions,
): { readonly connectors: ReadonlyMap<string, Connector>; close: () => void } {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const workers = connectors.map((connector) => new Worker(connector, options));
  return {
    connectors: new Map(workers.map((worker) => [worker.connector.name, worker.connector])),
    close: () => {
      for (const worker of workers) worker.close();
    },
  };
}

interface Asked {
  readonly mode: Mode;
  readonly message: JsonObject;
  readonly limits: RunLimits;
}

class Worker {
  readonly connector: Connector;
  readonly #of: Connector;
  readonly #options: ChildOptions;
  readonly #children = new Map<Mode, Child>();
  /** One call at a time: what a connector keeps on its disk is its own, and never worked by two at once. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(of: Connector, options: ChildOptions) {
    this.#of = of;
    this.#options = options;
    const { name, digest, needs } = of;
    const strange = (fault: Refusal | undefined): Refusal =>
      fault ?? { code: "connector_strange", message: "what the connector answered makes no sense" };
    const possible = (fault: Refusal | undefined): PerformFault => ({ ...strange(fault), effect: "possible" });
    const look = (message: JsonObject, limits: RunLimits) => this.#call({ mode: "read", message, limits });
    const write = async (message: JsonObject, limits: RunLimits) => {
      const answer = await this.#call({ mode: "write", message, limits });
      return answer.ok ? (readPerformed(answer.value) ?? fail(possible(undefined))) : fail(possible(answer.error));
    };
    this.connector = {
      name,
      digest,
      ...(needs === undefined ? {} : { needs }),
      async admit(input) {
        const answer = await look({ call: "admit", input }, { timeoutMillis: ADMIT_MILLIS });
        return answer.ok ? (readAdmitted(answer.value) ?? fail([strange(undefined)])) : fail([answer.error]);
      },
      async analyse(input, limits) {
        const answer = await look({ call: "analyse", input }, limits);
        return answer.ok ? (readAnalysed(answer.value) ?? fail(strange(undefined))) : answer;
      },
      async observe(payload, limits) {
        const answer = await look({ call: "observe", payload: toBase64(payload) }, limits);
        return answer.ok ? (readObserved(answer.value) ?? fail(strange(undefined))) : answer;
      },
      async verify(payload, { facts }, limits) {
        const answer = await look({ call: "verify", payload: toBase64(payload), performed: { facts } }, limits);
        return answer.ok ? (readVerified(answer.value) ?? fail(strange(undefined))) : answer;
      },
      apply: (payload, expected, limits) => write({ call: "apply", payload: toBase64(payload), expected }, limits),
      undo: (payload, { facts }, limits) => write({ call: "undo", payload: toBase64(payload), performed: { facts } }, limits),
    };
  }

  close(): void {
    for (const child of this.#children.values()) child.end();
  }

  #call(asked: Asked): Promise<Result<Json>> {
    const turn = this.#busy.then(() => this.#now(asked));
    this.#busy = turn.catch(() => undefined);
    return turn;
  }

  #now({ mode, message, limits }: Asked): Promise<Result<Json>> {
    const { name, digest } = this.#of;
    const known = this.#children.get(mode);
    const child = known?.alive === true ? known : new Child(this.#of, mode, this.#options);
    this.#children.set(mode, child);
    return child.call({ ...message, connector: name, digest, timeoutMillis: limits.timeoutMillis }, limits);
  }
}

interface Waiting {
  readonly id: number;
  readonly settle: (answer: Result<Json>) => void;
  readonly progress?: (line: string) => void;
}

class Child {
  readonly #process: ChildProcess;
  readonly #channel: Duplex;
  readonly #folder: string;
  readonly #options: ChildOptions;
  readonly #name: string;
  #waiting: Waiting | undefined;
  #next = 1;
  #said = "";
  #rest: () => void = () => undefined;
  alive = true;

  constructor(connector: Connector, mode: Mode, options: ChildOptions) {
    this.#options = options;
    this.#name = `${connector.name} (${mode})`;
    this.#folder = mkdtempSync(join(options.folder, `${connector.name}-${mode}-`));
    for (const each of ["home", "tmp"]) mkdirSync(join(this.#folder, each), { mode: 0o700 });
    this.#process = spawn(process.execPath, [`--max-old-space-size=${options.memoryMib}`, options.entry], {
      cwd: this.#folder,
      env: environmentOf(connector, mode, this.#folder, options.env),
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // A group of its own, so that what it started ends with it.
      detached: true,
    });
    this.#channel = this.#process.stdio[3] as Duplex;
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream?.on("data", (chunk: Buffer) => this.#hear(chunk));
    this.#channel.on("error", () => this.#ended("its channel broke"));
    this.#process.on("error", (error) => this.#ended(error.message));
    // What it started does not outlive it, however it ended.
    this.#process.on("exit", () => this.#endGroup());
    this.#process.on("close", (code, signal) =>
      this.#ended(signal === null ? `it ended with ${code ?? "no code"}` : `it was ended by ${signal}`),
    );
    readFrames(
      this.#channel,
      (message) => this.#heard(message),
      (why) => this.#kill(`it sent ${why}`),
    );
    sendFrame(this.#channel, { init: options.init });
  }

  call(message: JsonObject, { timeoutMillis, signal, progress }: RunLimits): Promise<Result<Json>> {
    const { promise, resolve } = Promise.withResolvers<Result<Json>>();
    const id = (this.#next += 1);
    this.#rest();
    this.#waiting = { id, settle: resolve, ...(progress && { progress }) };
    const late = (): void => this.#kill(`it did not answer within ${timeoutMillis} ms`, "connector_timeout");
    const cancel = this.#options.timers.after(timeoutMillis + GRACE_MILLIS, late);
    signal?.addEventListener("abort", late, { once: true });
    sendFrame(this.#channel, { ...message, id });
    return promise.finally(() => {
      cancel();
      signal?.removeEventListener("abort", late);
      if (this.alive) this.#rest = this.#options.timers.after(IDLE_MILLIS, () => this.end());
    });
  }

  end(): void {
    this.#rest();
    this.#kill("it was ended");
  }

  /** Only its answer to what was asked counts; everything else that it says is noise. */
  #heard(message: Json): void {
    const told = objectOf(message);
    const line = textOf(told?.["progress"], 4_096);
    if (line !== undefined) return this.#waiting?.progress?.(line);
    if (told === undefined || this.#waiting === undefined || told["id"] !== this.#waiting.id)
      return this.#kill("it answered what nobody asked");
    const { settle } = this.#waiting;
    this.#waiting = undefined;
    settle({ ok: true, value: told["answer"] ?? null });
  }

  #hear(chunk: Buffer): void {
    if (this.#said.length < MOST_SAID) this.#said += chunk.toString("utf8").slice(0, MOST_SAID - this.#said.length);
  }

  #kill(why: string, code = "connector_died"): void {
    if (!this.alive) return;
    // The whole group: a provider or a shell that it started would go on without it.
    this.#endGroup();
    this.#ended(why, code);
  }

  #endGroup(): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, "SIGKILL");
    } catch {
      this.#process.kill("SIGKILL");
    }
  }

  #ended(why: string, code = "connector_died"): void {
    if (!this.alive) return;
    this.alive = false;
    this.#rest();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    const message = `the process of the connector ${this.#name} is gone: ${why}`;
    if (waiting !== undefined) {
      this.#options.log(message);
      if (this.#said !== "") this.#options.log(`it had said: ${this.#said}`);
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
    waiting?.settle(fail({ code, message, remedy: "look at the runner's own log" }));
  }
}

function environmentOf(connector: Connector, mode: Mode, folder: string, env: ChildOptions["env"]): Record<string, string> {
  const { read = [], write = [] } = connector.needs ?? {};
  const names = [...EVERYBODY, ...read, ...(mode === "write" ? write : [])];
  const given = Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  return { HOME: join(folder, "home"), ...given, TMPDIR: join(folder, "tmp") };
}
