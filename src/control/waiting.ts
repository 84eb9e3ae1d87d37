import { changeStream, findChange } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { viewed } from "./reading.ts";
import type { Answer, ChangeView } from "./types.ts";

/** Long poll: answers once the change has moved past `since`, and at the latest after the time limit. */
export async function waitFor(deps: Deps, change: string, since: number, timeoutMillis: number, signal?: AbortSignal): Answer<ChangeView> {
  const stream = changeStream(change);
  let wake: () => void = () => undefined;
  let moved = false;
  const notice = (): void => {
    moved = true;
    wake();
  };
  // Watching begins before the first look, so that a commit in between is not missed.
  const unwatch = deps.store.watch((streams) => {
    if (streams.includes(stream)) notice();
  });
  let over = false;
  const finish = (): void => {
    over = true;
    wake();
  };
  const cancel = deps.timers.after(timeoutMillis, finish);
  signal?.addEventListener("abort", finish, { once: true });
  try {
    for (;;) {
      const found = await findChange(deps, change);
      if (!found.ok || found.value.state.version > since || over || signal?.aborted === true) return await viewed(deps, found);
      if (!moved) await new Promise<void>((resolve) => (wake = resolve));
      moved = false;
    }
  } finally {
    cancel();
    unwatch();
    signal?.removeEventListener("abort", finish);
  }
}
