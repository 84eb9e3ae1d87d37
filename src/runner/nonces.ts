/** What this runner has used up, on its own disk: the one memory that nobody else can set back unnoticed. */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ok, refuse, type GrantId, type Result } from "../core/base/index.ts";

export interface NonceStore {
  /** True once for each grant, durably: whoever has claimed it may start it. */
  claim(grant: GrantId, at: number): boolean;
  /** The grant was refused for certain before anything started: it may come again. */
  release(grant: GrantId): void;
  /** The next life of this runner; refused where the memory is an earlier one than the last life had. */
  nextEpoch(): Result<number>;
  /** On a person's word, by enrolling anew: what is remembered is all there is, and counts from here. */
  accept(): void;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS used (grant_id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS life (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL) STRICT;
  INSERT OR IGNORE INTO life (one, epoch) VALUES (1, 0);
`;

/** `epoch` stands in a file beside the database: one that is put back alone does not match the other. */
export function openNonces(folder: string): NonceStore {
  const db = new DatabaseSync(join(folder, "nonces.db"), { timeout: 5_000 });
  db.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;");
  db.exec(SCHEMA);
  const epochFile = join(folder, "epoch");
  const insert = db.prepare("INSERT OR IGNORE INTO used (grant_id, at) VALUES (?, ?)");
  const remove = db.prepare("DELETE FROM used WHERE grant_id = ?");
  const read = db.prepare("SELECT epoch FROM life");
  const raise = db.prepare("UPDATE life SET epoch = ?");
  const inDatabase = (): number => (read.get() as { readonly epoch: number }).epoch;
  // What is no number is no earlier life either.
  const inFile = (): number => {
    const text = existsSync(epochFile) ? readFileSync(epochFile, "utf8").trim() : "0";
    return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  };
  return {
    claim: (grant, at) => Number(insert.run(grant, at).changes) === 1,
    release: (grant) => void remove.run(grant),
    nextEpoch() {
      const [known, told] = [inDatabase(), inFile()];
      // The database is raised first, so that only one that was put back is behind the file.
      if (!Number.isSafeInteger(told) || known < told) return refuse("nonces_restored", RESTORED, { where: folder, remedy: REMEDY });
      raise.run(known + 1);
      writeWhole(epochFile, `${known + 1}\n`);
      return ok(known + 1);
    },
    accept() {
      const told = inFile();
      raise.run(Math.max(inDatabase(), Number.isSafeInteger(told) ? told : 0));
    },
    close: () => db.close(),
  };
}

const RESTORED = "the memory of used grants is older than this runner's last life: it was put back from a backup";
const REMEDY = "revoke this runner, then enrol it anew with another token: pawl runner enrol --anew";

/** Whole and on the disk, or not at all. */
export function writeWhole(path: string, text: string): void {
  const draft = `${path}.draft`;
  const file = openSync(draft, "w", 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}
