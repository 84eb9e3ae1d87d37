import { fail } from "../base/index.ts";
import type { Refusal } from "../base/index.ts";

const REMEDIES = {
  key_malformed: "copy the verifier key line as the log publishes it",
  key_ambiguous: "list each key once",
  key_not_valid: "trust a key whose range of sizes contains this one, if the operator announced it",
  note_malformed: "fetch the note again",
  note_untrusted: "add the verifier key of the signer, if you trust it",
  note_bad_signature: "do not use this note; keep it and ask the operator of the log",
  checkpoint_malformed: "fetch the checkpoint again",
  checkpoint_foreign: "use a checkpoint of this log",
  checkpoint_fork: "keep both checkpoints: together they prove that the log was forked",
  checkpoint_ahead: "do not append; find out why the log is shorter than it once was",
  request_malformed: "send what C2SP tlog-witness asks for",
  log_unknown: "have the witness's operator add the log's verifier key",
  size_moved: "prove the growth from the size that the witness names",
  proof_malformed: "ask for the proof again",
  proof_mismatch: "do not rely on this entry or tree; keep the proof and ask the operator of the log",
  out_of_range: "ask for an index or size inside the log",
  path_malformed: "write the path as C2SP tlog-tiles has it",
  bundle_malformed: "fetch the bundle again",
  tile_short: "fetch the tile again, at the width the size asks for",
  log_entry_altered: "restore the entry from a copy of the log whose root is the signed one",
  log_entry_missing: "restore the missing entries from a copy of the log",
  log_entry_unsigned: "do not rely on entries that no checkpoint covers",
  log_tile_altered: "rebuild the tiles from the entries",
  log_root_mismatch: "compare with a copy of the log; the entries are not the signed ones",
} as const;

export type LedgerCode = keyof typeof REMEDIES;

/** `index` is the first entry that is bad or may be; with `lastIndex` the bad one lies between the two. */
export interface LedgerFault extends Refusal<LedgerCode> {
  readonly remedy: string;
  readonly index?: number;
  readonly lastIndex?: number;
}

export function ledgerFault(
  code: LedgerCode,
  message: string,
  more: { where?: string; index?: number; lastIndex?: number } = {},
): LedgerFault {
  return { code, message, remedy: REMEDIES[code], ...more };
}

export const refuse = (...fault: Parameters<typeof ledgerFault>): { readonly ok: false; readonly error: LedgerFault } =>
  fail(ledgerFault(...fault));
