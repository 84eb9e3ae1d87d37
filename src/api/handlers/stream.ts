import type { ServerResponse } from "node:http";
import { fail, ok, type ChangeId, type Result } from "../../core/base/index.ts";
import type { Progress } from "../../control/runners-types.ts";
import type { Caller } from "../../control/types.ts";
import { SAFE_HEADERS } from "../headers.ts";
import type { ApiRefusal } from "../problems.ts";
import { callerOf, TAKEN, type Call } from "./call.ts";
import { crowded } from "./changes.ts";

/** Changes that moved and are not told yet, for one reader. */
const MOST_PENDING = 10_000;
/** Parcels of progress that wait for one reader; more are not told, since they are news and no record. */
const MOST_PROGRESS = 100;

/**
 * One reader of the stream. It is told ids, versions and states, never contents; each is read as the caller first, so that
 * nobody learns of a change that they may not see. A reader that falls behind is cut off: it reads the list again and comes back.
 */
export async function stream(call: Call): Promise<Result<typeof TAKEN, ApiRefusal>> {
  const leave = call.places.enter(callerOf(call).identity);
  if (leave === undefined) return fail(crowded());
  call.reply.hijack();
  const { raw } = call.reply;
  raw.writeHead(200, {
    ...SAFE_HEADERS,
    "content-type": "text/event-stream; charset=utf-8",
    connection: "close",
    "x-accel-buffering": "no",
  });
  const reader = new Reader(call, raw);
  raw.once("close", () => {
    reader.end();
    leave();
  });
  call.closing.addEventListener("abort", () => reader.end(), { once: true });
  reader.begin(call.request.headers["last-event-id"] !== undefined);
  return ok(TAKEN);
}

class Reader {
  readonly #call: Call;
  readonly #raw: ServerResponse;
  readonly #pending = new Set<ChangeId>();
  readonly #progress: Progress[] = [];
  #pumping = false;
  #ended = false;
  #caller: Caller;
  #stop: () => void = () => undefined;

  constructor(call: Call, raw: ServerResponse) {
    this.#call = call;
    this.#raw = raw;
    this.#caller = callerOf(call);
  }

  begin(returned: boolean): void {
    const { control, settings } = this.#call.deps;
    const unsubscribe = control.subscribe(({ change }) => {
      this.#pending.add(change);
      if (this.#pending.size > MOST_PENDING) this.#raw.destroy();
      void this.#pump();
    });
    const unwatch = control.runners.watch((progress) => {
      if (this.#progress.length < MOST_PROGRESS) this.#progress.push(progress);
      void this.#pump();
    });
    const heartbeat = setInterval(() => void this.#beat(), settings.heartbeatMillis);
    heartbeat.unref();
    this.#stop = () => {
      unsubscribe();
      unwatch();
      clearInterval(heartbeat);
    };
    this.#write(`event: ${returned ? "resync" : "ready"}\ndata: {}\n\n`);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
    this.#raw.end();
  }

  /** Several commits to one change become one event with its newest version. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (const change of this.#pending) {
        this.#pending.delete(change);
        const view = await this.#call.deps.control.read(this.#caller, change);
        if (this.#ended) return;
        if (!view.ok) continue;
        const { id, version, status } = view.value;
        this.#write(`event: change\nid: ${id}@${version}\ndata: ${JSON.stringify({ change: id, version, status })}\n\n`);
      }
      for (let next = this.#progress.shift(); next !== undefined; next = this.#progress.shift()) {
        const view = await this.#call.deps.control.read(this.#caller, next.change);
        if (this.#ended) return;
        if (view.ok) this.#write(`event: progress\ndata: ${JSON.stringify(next)}\n\n`);
      }
    } catch (error) {
      this.#call.deps.logger?.error({ error }, "a stream ended by an error");
      this.end();
    } finally {
      this.#pumping = false;
    }
  }

  /** A heartbeat also asks whether the credential still stands: a revoked token's stream ends. */
  async #beat(): Promise<void> {
    try {
      const still = await this.#call.deps.control.authenticate(this.#call.request.seen.bearer ?? "", this.#caller.channel);
      if (!still.ok) return this.end();
      this.#caller = still.value;
      this.#write(": still here\n\n");
    } catch (error) {
      this.#call.deps.logger?.error({ error }, "a stream ended by an error");
      this.end();
    }
  }

  #write(text: string): void {
    if (this.#ended) return;
    this.#raw.write(text);
    if (this.#raw.writableLength > this.#call.deps.settings.streamBufferBytes) this.#raw.destroy();
  }
}
