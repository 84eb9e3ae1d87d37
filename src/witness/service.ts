/** A witness's memory on disk, and what it answers. What it has cosigned is durable before anybody hears of it. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
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
import { readIfThere, replaceFile, syncFolder } from "./files.ts";

export interface WitnessReply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Of each kind: more of them prove nothing more. */
const MAX_KEPT = 1_000;

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
  proof_malformed: 422,
};

export const plain = (status: number, text: string): WitnessReply => ({ status, type: "text/plain; charset=utf-8", body: text });

export interface ServiceSettings {
  readonly folder: string;
  readonly signer: Signer;
  readonly logs: readonly LogKey[];
  readonly clock: Clock;
  readonly report: (line: string) => void;
}

export function openWitness({ folder, signer, logs, clock, report }: ServiceSettings) {
  const [heads, proofs, doubts] = [join(folder, "heads"), join(folder, "proofs"), join(folder, "doubts")];
  for (const each of [heads, proofs, doubts]) mkdirSync(each, { recursive: true, mode: 0o700 });
  syncFolder(folder);
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

  /**
   * What the log's own key signed is kept with the head that was cosigned before. Two roots for one size prove a fork. Without a proof
   * of growth nothing is proved: anybody who has a newer head of the log can send it with a wrong one.
   */
  const keep = (origin: string, code: LedgerCode, note: string): void => {
    if (code !== "checkpoint_fork" && code !== "proof_mismatch") return;
    const place = code === "checkpoint_fork" ? proofs : doubts;
    // By what the log signed: anybody can add further signatures.
    const path = join(place, `${nameOf(origin)}-${nameOf(note.slice(0, note.lastIndexOf("\n\n")))}.txt`);
    if (existsSync(path) || readdirSync(place).length >= MAX_KEPT) return;
    replaceFile(path, `${readIfThere(placeOf(origin)) ?? ""}\n${note}`);
    if (place === proofs) report(`ALARM: two heads that cannot both be true; both are kept in ${path}`);
    else report(`in doubt: a head that was not shown to extend the one cosigned before; both are kept in ${path}`);
  };

  const submit = (body: Uint8Array): WitnessReply => {
    const submission = parseSubmission(body);
    if (!submission.ok) return plain(400, `${submission.error.message}\n`);
    const { note } = submission.value;
    const answer = witness(find, submission.value);
    if (answer.ok) {
      replaceFile(placeOf(answer.value.origin), note);
      return plain(200, cosignature(note, signer, Math.floor(clock.now() / 1000)));
    }
    const { code, message } = answer.error;
    const origin = note.slice(0, note.indexOf("\n"));
    keep(origin, code, note);
    const status = STATUS[code] ?? 400;
    if (status === 409) return { status, type: "text/x.tlog.size", body: `${find(origin)?.seen?.size ?? 0}\n` };
    return plain(status, `${message}\n`);
  };
  return { submit, proofs: (): readonly string[] => readdirSync(proofs).map((name) => join(proofs, name)) };
}

/** A file's name of any text. */
const nameOf = (text: string): string => digestOf(text).slice("sha256:".length, "sha256:".length + 32);
