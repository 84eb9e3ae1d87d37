/** Recomputes a whole database from the bytes that are stored, and says what does not fit and which entry is the first. */
import { toBase64 } from "../../core/base/index.ts";
import { LogVerifier, type LogKey } from "../../core/ledger/index.ts";
import { openKept } from "./checkpoints.ts";
import { checkEntries } from "./entries.ts";
import { checkStreams, checkVersions } from "./streams.ts";
import { checkClaims, checkOutbox, checkPayloads } from "./tables.ts";
import { checkTiles } from "./tiles.ts";
import type { Check, FsckFault, Refold } from "./types.ts";
import type { Head, Snapshot } from "../model.ts";
import { typed } from "../sql/reads.ts";

/** What can be checked: an open store, or a database that will not open. */
export interface Inspected {
  readonly log: LogIdentity;
  snapshot(): Promise<Snapshot>;
}

/** Whose log it is, and all keys that may have signed it. */
export interface LogIdentity {
  readonly origin: string;
  readonly keys: readonly LogKey[];
}

export interface FsckOptions {
  readonly refold?: Refold;
}

export interface FsckReport {
  readonly ok: boolean;
  readonly size: number;
  /** The signed root as the checkpoint writes it, when the entries have it. */
  readonly root?: string;
  readonly checked: Readonly<Record<"entries" | "tiles" | "checkpoints" | "streams" | "claims" | "outbox" | "payloads", number>>;
  readonly firstBadIndex?: number;
  /** The first hundred, in the order of their indexes; those without one come last. */
  readonly faults: readonly FsckFault[];
  readonly moreFaults: number;
}

const MAX_FAULTS = 100;

export async function fsck(target: Inspected, options: FsckOptions = {}): Promise<FsckReport> {
  const snapshot = await target.snapshot();
  try {
    return await checkAll(snapshot, target.log, options);
  } finally {
    await snapshot.close();
  }
}

async function checkAll(snapshot: Snapshot, log: LogIdentity, { refold }: FsckOptions): Promise<FsckReport> {
  const faults: FsckFault[] = [];
  const check: Check = { snapshot, fault: (fault) => void faults.push(fault) };
  const head = typed<Head>(await snapshot.scan("head", undefined, 1))[0];
  const kept = await openKept(check, log, head);
  const streams = await checkStreams(check, refold);
  const verifier = kept.last && new LogVerifier(kept.opened, kept.last);
  const found = await checkEntries(check, verifier, streams);
  checkVersions(check, streams);
  const checked = {
    entries: found.entries,
    tiles: await checkTiles(check, found.root ? verifier : undefined, found.entries),
    checkpoints: kept.count,
    streams: streams.size,
    claims: await checkClaims(check, found.entries),
    outbox: await checkOutbox(check, head?.outbox ?? 0),
    payloads: await checkPayloads(check),
  };
  return report(found.entries, found.root, checked, faults);
}

function report(size: number, root: Uint8Array | undefined, checked: FsckReport["checked"], faults: readonly FsckFault[]): FsckReport {
  const sorted = faults.toSorted((a, b) => (a.index ?? Number.MAX_SAFE_INTEGER) - (b.index ?? Number.MAX_SAFE_INTEGER));
  const first = sorted[0]?.index;
  return {
    ok: faults.length === 0,
    size,
    ...(root && { root: toBase64(root) }),
    checked,
    ...(first !== undefined && { firstBadIndex: first }),
    faults: sorted.slice(0, MAX_FAULTS),
    moreFaults: Math.max(0, faults.length - MAX_FAULTS),
  };
}
