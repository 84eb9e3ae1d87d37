import { canonical } from "../../core/base/index.ts";
import type { Snapshot, StreamMode, StreamRow } from "../model.ts";
import { kindOf, streamFault } from "../streams.ts";
import { entryOf } from "./entries.ts";
import { pagesOf, type Check, type Refold } from "./types.ts";

export async function streamModes(snapshot: Snapshot): Promise<Map<string, StreamMode>> {
  const modes = new Map<string, StreamMode>();
  for await (const rows of pagesOf<StreamRow>(snapshot, "streams")) for (const { stream, mode } of rows) modes.set(stream, mode);
  return modes;
}

/** Every row is whole, is at the version that its entries make, and has the state that they add up to. */
export async function checkStreams(check: Check, counts: ReadonlyMap<string, number>, refold: Refold | undefined): Promise<number> {
  let count = 0;
  for await (const rows of pagesOf<StreamRow>(check.snapshot, "streams")) {
    for (const row of rows) {
      count++;
      const message =
        rowFault(row, counts.get(row.stream) ?? 0) ??
        (refold && row.body !== null ? await stateFault(check.snapshot, row, refold) : undefined);
      if (message) check.fault({ where: `streams/${row.stream}`, message });
    }
  }
  return count;
}

function rowFault(row: StreamRow, entries: number): string | undefined {
  const fault = streamFault(row);
  if (fault) return fault;
  if (row.kind !== kindOf(row.stream)) return `its kind is ${row.kind}`;
  return row.version === entries ? undefined : `it is at version ${row.version} and has ${entries} entries`;
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
