import { canonical } from "../../core/base/index.ts";
import { STREAM_NAME } from "../limits.ts";
import type { Snapshot, StreamMode, StreamRow } from "../model.ts";
import { kindOf, streamFault } from "../streams.ts";
import { entryOf } from "./entries.ts";
import { pagesOf, type Check, type Refold } from "./types.ts";

/** What a stream's row says, and how many of its entries were met. */
export interface SeenStream {
  readonly mode: StreamMode;
  readonly version: number;
  /** Its name is the text between the quotes of its JSON. */
  readonly isNamed: boolean;
  entries: number;
}

/** Every row is whole, and has the state that its events add up to. */
export async function checkStreams(check: Check, refold: Refold | undefined): Promise<Map<string, SeenStream>> {
  const seen = new Map<string, SeenStream>();
  for await (const rows of pagesOf<StreamRow>(check.snapshot, "streams")) {
    for (const row of rows) {
      const { stream, mode, version } = row;
      seen.set(stream, { mode, version, isNamed: STREAM_NAME.test(stream), entries: 0 });
      const message = rowFault(row) ?? (refold && row.body !== null ? await stateFault(check.snapshot, row, refold) : undefined);
      if (message) check.fault({ where: `streams/${stream}`, message });
    }
  }
  return seen;
}

const rowFault = (row: StreamRow): string | undefined =>
  streamFault(row) ?? (row.kind === kindOf(row.stream) ? undefined : `its kind is ${row.kind}`);

/** Every row is at the version that its entries make. */
export function checkVersions(check: Check, seen: ReadonlyMap<string, SeenStream>): void {
  for (const [stream, { version, entries }] of seen) {
    if (version !== entries) check.fault({ where: `streams/${stream}`, message: `it is at version ${version} and has ${entries} entries` });
  }
}

const PAGE = 500;

async function stateFault(snapshot: Snapshot, { stream, body }: StreamRow, refold: Refold): Promise<string | undefined> {
  const events = [];
  for (;;) {
    const page = await snapshot.history(stream, events.length, PAGE);
    for (const { bytes } of page) {
      const entry = entryOf(bytes);
      if (!entry) return undefined;
      events.push(entry.event);
    }
    if (page.length < PAGE) break;
  }
  const state = refold(stream, events);
  return state === undefined || canonical(state) === body ? undefined : "its state is not what its events add up to";
}
