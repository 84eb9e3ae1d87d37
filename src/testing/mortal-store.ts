import type { Store } from "../control/ports.ts";

/** One process's life. Once it is over, nothing it asks for is ever answered. */
export class Life {
  over = false;
  readonly #ended = Promise.withResolvers<void>();
  /** Told before and after each append that reaches the store; may end the life. */
  onAppend: (phase: "before" | "after") => void | Promise<void> = () => undefined;

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  end(): void {
    this.over = true;
    this.#ended.resolve();
  }
}

const unanswered = new Promise<never>(() => undefined);

/** The store as a process sees it that may die at any moment. */
export function mortal(store: Store, life: Life): Store {
  const call = async (key: string | symbol, work: () => Promise<unknown>): Promise<unknown> => {
    if (key === "append") await life.onAppend("before");
    if (life.over) return unanswered;
    const answer = await work();
    if (key === "append") await life.onAppend("after");
    return life.over ? unanswered : answer;
  };
  return new Proxy(store, {
    get(target, key) {
      const member = Reflect.get(target, key) as (...args: unknown[]) => unknown;
      if (key === "watch")
        return (listener: (streams: readonly string[]) => void) => target.watch((streams) => life.over || listener(streams));
      return (...args: unknown[]) => call(key, async () => member.apply(target, args));
    },
  });
}
