import type { Deps } from "./deps.ts";
import type { LeasedItem } from "./ports.ts";

/** Jobs that wait for a stream to move: they are due again once it has, rather than after their rest. */
export class Wakes {
  readonly #deps: Deps;
  readonly #kick: () => void;
  readonly #waiting = new Map<string, Set<number>>();

  constructor(deps: Deps, kick: () => void) {
    this.#deps = deps;
    this.#kick = kick;
  }

  /** `version`: what the stream was at when the job was told to wait. It may have moved since. */
  async add(stream: string, version: number, { id }: LeasedItem): Promise<void> {
    this.#waiting.set(stream, (this.#waiting.get(stream) ?? new Set()).add(id));
    const row = await this.#deps.store.load(stream);
    if (row?.version !== version) this.moved([stream]);
  }

  moved(streams: readonly string[]): void {
    for (const stream of streams) {
      const waiting = this.#waiting.get(stream);
      if (waiting === undefined) continue;
      this.#waiting.delete(stream);
      for (const id of waiting) void this.#wake(id);
    }
  }

  async #wake(id: number): Promise<void> {
    try {
      await this.#deps.store.retryAt(id, this.#deps.clock.now());
      this.#kick();
    } catch (error) {
      this.#deps.report({ what: `waking job ${id}`, error });
    }
  }
}
