import type { Deps } from "./deps.ts";
import type { Payload, Store } from "./ports.ts";
import { bytesPayload } from "./payloads.ts";

/** A store, and what keeps it from writing. */
export interface WatchedStore {
  readonly store: Store;
  /** Why the last write failed; undefined while writing goes well. */
  readonly trouble: () => string | undefined;
}

/** A full or broken disk is reported when it is first met, not each time, and is known until a write gets through again. */
export function watchWrites(store: Store, report: Deps["report"]): WatchedStore {
  let trouble: string | undefined;
  return {
    trouble: () => trouble,
    store: {
      ...store,
      async append(request) {
        const answer = await store.append(request);
        if (answer.ok) trouble = undefined;
        else if (answer.error.code === "store_unavailable") {
          if (trouble === undefined) report({ what: "the ledger cannot be written", error: answer.error });
          trouble = answer.error.message;
        }
        return answer;
      },
    },
  };
}

/** Always the same, so that it is stored once. */
const PROBE: Payload = bytesPayload(new TextEncoder().encode("can this be written?\n"), "text/plain");

/** Whoever asks whether the trouble is over makes a write that no other may come to make meanwhile. */
export async function troubleNow({ store, trouble = () => undefined }: Deps): Promise<string | undefined> {
  if (trouble() !== undefined) await store.append({ writes: [], payloads: [PROBE] });
  return trouble();
}
