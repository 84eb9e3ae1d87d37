/** The schema, as the numbered steps that led to it. A step that was released is never edited: add another. */

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** `$int`, `$text`, `$bytes` and `$strict` are the dialect's words. */
  readonly statements: readonly string[];
}

export type Dialect = "sqlite" | "postgres";

const WORDS: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  sqlite: { $int: "INTEGER", $text: "TEXT", $bytes: "BLOB", $strict: "STRICT" },
  // Byte order, so that names sort and compare as they do in SQLite.
  postgres: { $int: "BIGINT", $text: 'TEXT COLLATE "C"', $bytes: "BYTEA", $strict: "" },
};

export const inDialect = (dialect: Dialect, statement: string): string =>
  statement.replaceAll(/\$[a-z]+/g, (word) => WORDS[dialect][word] ?? word);

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: "one write path",
    statements: [
      `CREATE TABLE head (id $int PRIMARY KEY CHECK (id = 1), origin $text NOT NULL, size $int NOT NULL, root $bytes NOT NULL,
        checkpoint $text NOT NULL, batch $text NOT NULL, nodes $int NOT NULL, outbox $int NOT NULL) $strict`,
      `CREATE TABLE entries (idx $int PRIMARY KEY, stream $text NOT NULL, ordinal $int NOT NULL, bytes $bytes NOT NULL,
        UNIQUE (stream, ordinal)) $strict`,
      `CREATE TABLE streams (stream $text PRIMARY KEY, kind $text NOT NULL, mode $text NOT NULL, version $int NOT NULL, body $text,
        status $text NOT NULL, proposer $text NOT NULL, created_at $int NOT NULL, updated_at $int NOT NULL, seal $text NOT NULL) $strict`,
      "CREATE INDEX streams_by_age ON streams (kind, created_at, stream)",
      "CREATE INDEX streams_by_status ON streams (kind, status, created_at, stream)",
      `CREATE TABLE claims (kind $text NOT NULL, key $text NOT NULL, value $text NOT NULL, idx $int NOT NULL, PRIMARY KEY (kind, key)) $strict`,
      `CREATE TABLE outbox (id $int PRIMARY KEY, key $text NOT NULL UNIQUE, kind $text NOT NULL, body $text NOT NULL, due_at $int NOT NULL,
        lease_until $int NOT NULL, attempts $int NOT NULL, settled $int NOT NULL) $strict`,
      "CREATE INDEX outbox_due ON outbox (due_at, id) WHERE settled = 0",
      `CREATE TABLE payloads (digest $text PRIMARY KEY, media_type $text NOT NULL, size $int NOT NULL, bytes $bytes) $strict`,
      `CREATE TABLE tiles (level $int NOT NULL, idx $int NOT NULL, hashes $bytes NOT NULL, PRIMARY KEY (level, idx)) $strict`,
      `CREATE TABLE checkpoints (size $int PRIMARY KEY, root $bytes NOT NULL, note $text NOT NULL, batch $text NOT NULL) $strict`,
    ],
  },
  {
    version: 2,
    name: "a leaf hash beside each entry instead of a tile that every commit rewrites",
    statements: [
      "ALTER TABLE entries ADD COLUMN leaf $bytes",
      `UPDATE entries SET leaf = (SELECT substr(hashes, CAST(entries.idx % 256 * 32 + 1 AS INTEGER), 32) FROM tiles
        WHERE tiles.level = 0 AND tiles.idx = entries.idx / 256)`,
      "DELETE FROM tiles WHERE level = 0 AND length(hashes) < 8192",
    ],
  },
];

export const MIGRATIONS_TABLE = "CREATE TABLE IF NOT EXISTS pawl_migrations (version $int PRIMARY KEY, name $text NOT NULL) $strict";
export const MIGRATION_DONE = "INSERT INTO pawl_migrations (version, name) VALUES (?, ?)";
export const MIGRATION_LAST = "SELECT coalesce(max(version), 0) AS version FROM pawl_migrations";

/** What is still to be done on a database of this version; `newer` when another Pawl has gone further than this one knows. */
export function pending(version: number, migrations: readonly Migration[]): readonly Migration[] | "newer" {
  const last = migrations.at(-1)?.version ?? 0;
  return version > last ? "newer" : migrations.filter((migration) => migration.version > version);
}
