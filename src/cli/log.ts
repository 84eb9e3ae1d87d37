/** The ledger as a stranger reads it: nothing is believed that a trusted key and a proof do not show. */
import { fail, fromHex, toHex, utf8, type Result } from "../core/base/index.ts";
import {
  leafHash,
  openCheckpoint,
  startVerification,
  verifyInclusion,
  type LedgerFault,
  type OpenCheckpoint,
  type VerifiedLog,
} from "../core/ledger/index.ts";
import type { ProofView } from "../control/types.ts";
import type { Client } from "./client.ts";
import type { Trust } from "./trust.ts";

export interface EntryView {
  readonly index: number;
  readonly stream: string;
  /** The entry's exact bytes, as text. */
  readonly entry: string;
  readonly leaf_hash: string;
}

export interface HeadView {
  readonly size: number;
  readonly checkpoint: string;
  readonly vkeys: readonly string[];
}

const PAGE = 500;

export function openHead(note: string, { logKeys, origin }: Trust): Result<OpenCheckpoint, LedgerFault> {
  return openCheckpoint(note, logKeys, origin);
}

export async function readEntries(client: Client, from: number, limit: number): Promise<readonly EntryView[]> {
  const { entries } = await client.get<{ readonly entries: readonly EntryView[] }>("/v1/ledger/entries", { from, limit });
  return entries;
}

/** All entries up to a size, in order. */
export async function* allEntries(client: Client, size: number): AsyncGenerator<EntryView, void> {
  for (let from = 0; from < size;) {
    const page = await readEntries(client, from, Math.min(PAGE, size - from));
    if (page.length === 0) return;
    yield* page;
    from += page.length;
  }
}

/** Asks for the proof that these bytes are an entry of the tree, and checks it. */
export async function proveEntry(client: Client, entry: EntryView, { size, root }: OpenCheckpoint): Promise<Result<unknown, LedgerFault>> {
  const view = await client.get<ProofView>("/v1/ledger/proof/inclusion", { index: entry.index, size });
  const proof = view.proof.map((node) => fromHex(node) ?? new Uint8Array());
  return verifyInclusion({ leafHash: leafHash(utf8(entry.entry)), index: entry.index, size, root, proof });
}

/** Recomputes the whole log from its entries, handing each to `take`. */
export async function verifyWhole(
  client: Client,
  note: string,
  { logKeys, origin }: Trust,
  take: (entry: EntryView) => unknown,
): Promise<Result<VerifiedLog, LedgerFault>> {
  const started = startVerification({ origin, keys: logKeys, head: note });
  if (!started.ok) return started;
  const opened = openCheckpoint(note, logKeys, origin);
  if (!opened.ok) return opened;
  for await (const entry of allEntries(client, opened.value.size)) {
    const fault = started.value.add(utf8(entry.entry), entry.index);
    if (fault !== undefined) return fail(fault);
    await take(entry);
  }
  return started.value.finish();
}

export const leafOf = (entry: EntryView): string => toHex(leafHash(utf8(entry.entry)));
