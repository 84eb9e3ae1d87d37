import { mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { canonical, digestOf, parseJson } from "../../core/base/index.ts";
import type { Digest } from "../../core/base/index.ts";
import { asideOf } from "../scratch.ts";
import { SQL_LIMITS, sqlFault } from "./types.ts";
import type { Change, Derived, TableChange } from "./types.ts";

/** What an undo needs: kept by the runner that made the change, and named in evidence by its digest only. */
export interface Backup {
  readonly database: string;
  readonly tables: readonly TableChange[];
  /** What was done, with the SQL that takes back what it did to the schema. */
  readonly statements: readonly Derived[];
  /** Digests of the schema before the change and as the change left it. */
  readonly schemaBefore: Digest;
  readonly schemaLeft: Digest;
}

const NAME = /^[0-9a-f]{64}\.(backup|export)$/;

/** A folder of what may be needed again, for Pawl's own user alone and for a bounded time. */
export class Vault {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async keepBackup(backup: Backup): Promise<Digest> {
    const text = canonical(backup);
    if (text.length > 2 * SQL_LIMITS.backupBytes)
      throw sqlFault("sql_too_many_rows", "the rows before and after are too large to be kept", "split the change");
    return this.#keep(text, "backup");
  }

  /** Results of queries, as lines of JSON. Undefined where there is none. */
  async keepExports(change: Change): Promise<Digest | undefined> {
    const lines = change.results.flatMap(({ exported }) =>
      exported === undefined ? [] : [exported.columns.map(({ name }) => name), ...exported.values],
    );
    return lines.length === 0 ? undefined : this.#keep(`${lines.map((line) => JSON.stringify(line)).join("\n")}\n`, "export");
  }

  /** On the disk before anything is committed that it may have to take back. */
  async #keep(text: string, kind: string): Promise<Digest> {
    const digest = digestOf(text);
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const path = join(this.#dir, `${digest.slice("sha256:".length)}.${kind}`);
    const aside = asideOf(path);
    const file = await open(aside, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(aside, path);
    const folder = await open(this.#dir);
    await folder.sync();
    await folder.close();
    return digest;
  }

  async backup(digest: Digest): Promise<Backup> {
    const path = join(this.#dir, `${digest.slice("sha256:".length)}.backup`);
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined)
      throw sqlFault(
        "undo_backup_missing",
        "the rows that were kept are not here",
        "undo where the change was made, or take it back by a change of its own",
      );
    if (digestOf(bytes) !== digest)
      throw sqlFault(
        "undo_backup_differs",
        "the rows that were kept are not the ones that evidence names",
        "find out who wrote to the work directory",
      );
    const read = parseJson(bytes, { bytes: 4 * SQL_LIMITS.backupBytes, members: 10_000_000, stringLength: SQL_LIMITS.backupBytes });
    if (!read.ok)
      throw sqlFault("undo_backup_differs", "the rows that were kept cannot be read", "take the change back by a change of its own");
    return read.value as unknown as Backup;
  }

  /** Removes what is older than its lifetime. */
  async sweep(now: number, days: number): Promise<void> {
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const path = join(this.#dir, name);
      const made = NAME.test(name) ? await stat(path).catch(() => undefined) : undefined;
      if (made !== undefined && now - made.mtimeMs > days * 86_400_000) await rm(path, { force: true });
    }
  }
}
