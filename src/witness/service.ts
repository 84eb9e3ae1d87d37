/** A witness's memory on disk, and what it answers. What it has cosigned is durable before anybody hears of it. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Signer } from "../control/ports.ts";
import { assert, digestOf } from "../core/base/index.ts";
import {
  cosignature,
  openCheckpoint,
  parseSubmission,
  witness,
  type LedgerCode,
  type LogKey,
  type WatchedLog,
} from "../core/ledger/index.ts";
import { readIfThere, replaceFile } from "./files.ts";

export interface WitnessReply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Kept proofs of a log's misbehaviour: more of them prove nothing more. */
const MAX_PROOFS = 1_000;
const PLAIN = "text/plain; charset=utf-8";

/** As C2SP tlog-witness has them. */
const STATUS: Partial<Record<LedgerCode, number>> = {
  log_unknown: 404,
  checkpoint_foreign: 404,
  note_untrusted: 403,
  note_bad_signature: 403,
  key_not_valid: 403,
  size_moved: 409,
  checkpoint_fork: 409,
  proof_mismatch: 422,
};

/** Refused although the log's own key signed it: with the head that was cosigned before, this is worth showing to others. */
const PROOF: readonly LedgerCode[] = ["checkpoint_fork", "proof_mismatch"];

export function openWitness(folder: string, signer: Signer, logs: readonly LogKey[], clock: Clock) {
  const [heads, proofs] = [join(folder, "heads"), join(folder, "proofs")];
  for (const each of [heads, proofs]) mkdirSync(each, { recursive: true, mode: 0o700 });
  const keysOf = Map.groupBy(logs, ({ name }) => name);
  const placeOf = (origin: string): string => join(heads, `${nameOf(origin)}.note`);

  const find = (origin: string): WatchedLog | undefined => {
    const keys = keysOf.get(origin);
    if (keys === undefined) return undefined;
    const note = readIfThere(placeOf(origin));
    if (note === undefined) return { origin, keys, seen: undefined };
    const seen = openCheckpoint(note, keys, origin);
    // Without its memory a witness would sign anything once more.
    assert(seen.ok, `the head that was cosigned last for ${origin} cannot be read: ${placeOf(origin)}`);
    return { origin, keys, seen: seen.value };
  };

  const keep = (origin: string, code: LedgerCode, note: string): void => {
    if (!PROOF.includes(code) || readdirSync(proofs).length >= MAX_PROOFS) return;
    const both = `${readIfThere(placeOf(origin)) ?? ""}\n${note}`;
    replaceFile(join(proofs, `${nameOf(origin)}-${nameOf(note)}.txt`), both);
  };

  const submit = (body: Uint8Array): WitnessReply => {
    const submission = parseSubmission(body);
    if (!submission.ok) return { status: 400, type: PLAIN, body: `${submission.error.message}\n` };
    const { note } = submission.value;
    const answer = witness(find, submission.value);
    if (answer.ok) {
      replaceFile(placeOf(answer.value.origin), note);
      return { status: 200, type: PLAIN, body: cosignature(note, signer, Math.floor(clock.now() / 1000)) };
    }
    const { code, message } = answer.error;
    const origin = note.slice(0, note.indexOf("\n"));
    keep(origin, code, note);
    const status = STATUS[code] ?? 400;
    if (status === 409) return { status, type: "text/x.tlog.size", body: `${find(origin)?.seen?.size ?? 0}\n` };
    return { status, type: PLAIN, body: `${message}\n` };
  };
  return { submit, proofs: (): readonly string[] => readdirSync(proofs).map((name) => join(proofs, name)) };
}

/** A file's name of any text. */
const nameOf = (text: string): string => digestOf(text).slice("sha256:".length, "sha256:".length + 32);
