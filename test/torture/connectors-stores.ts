/** Targets that keep what is written: a git repository, an SQLite file, a PostgreSQL server; and several targets as one. */
import { execFile } from "node:child_process";
import { globSync, mkdirSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { Client } from "pg";
import { commitOutOfBand, createSampleRepository } from "../../src/sample-repository.ts";
import { plain, type Listener, type Target } from "./connectors-target.ts";
import { startDurablePostgres } from "./postgres.ts";

const run = promisify(execFile);

const CHECK = `process.exit(require("fs").readFileSync("value.txt", "utf8").startsWith("bad") ? 1 : 0)`;

/** A bare repository: the value is a file on the branch, and each write a commit with the value as its subject. */
export async function gitTarget(folder: string): Promise<Target> {
  const repository = join(folder, "box.git");
  await createSampleRepository(repository, { "value.txt": "first-0\n" });
  const git = async (...args: readonly string[]): Promise<string> => (await run("git", ["-C", repository, ...args])).stdout;
  const value = async (): Promise<string> => (await git("show", "main:value.txt")).trim();
  let listener: Listener | undefined;
  const watcher = watch(join(repository, "refs", "heads"), (_, name) => {
    if (name === "main.lock") void listener?.("begins", "");
    if (name === "main") void value().then((now) => listener?.("written", now));
  });
  return {
    ...plain,
    connectors: ["git"],
    settings: {
      repositories: [{ name: "box", url: repository, environment: "production", verify: { argv: [process.execPath, "-e", CHECK] } }],
    },
    async steps(next) {
      const patch = `diff --git a/value.txt b/value.txt\n--- a/value.txt\n+++ b/value.txt\n@@ -1 +1 @@\n-${await value()}\n+${next}\n`;
      return [{ connector: "git", input: { repository: "box", branch: "main", patch, message: next } }];
    },
    value,
    writes: async (of) => (await git("log", "--format=%s", "main")).split("\n").filter((subject) => subject === of).length,
    mend: (to) => commitOutOfBand(repository, "mended", { "value.txt": `${to}\n` }),
    listen: (to) => void (listener = to),
    async sweep() {
      for (const lock of globSync("{*.lock,refs/**/*.lock}", { cwd: repository })) rmSync(join(repository, lock), { force: true });
    },
    close: async () => watcher.close(),
  };
}

const TABLE = `CREATE TABLE settings (id integer PRIMARY KEY, v text NOT NULL, n integer NOT NULL)`;
const ROW = `INSERT INTO settings VALUES (1, 'first-0', 0)`;
const UPDATE = (place: string): string => `UPDATE settings SET v = ${place}, n = n + 1 WHERE id = 1`;
const HEALTHY = `SELECT v NOT LIKE 'bad%' FROM settings WHERE id = 1`;

interface Row {
  readonly v: string;
  readonly n: number;
}

/** A row whose counter goes up with each write: twice the same would be two more. */
function rows(name: string, place: string, read: () => Promise<Row>, write: (value: string) => Promise<void>) {
  const before = new Map<string, number>();
  return {
    ...plain,
    isSilent: true as const,
    connectors: ["sql"],
    async steps(value: string) {
      before.set(value, (await read()).n);
      return [{ connector: "sql", input: { database: name, statements: UPDATE(place), parameters: [value], verify: [HEALTHY] } }];
    },
    value: async () => (await read()).v,
    async writes(value: string) {
      const { v, n } = await read();
      return v === value ? n - (before.get(value) ?? 0) : 0;
    },
    mend: write,
  };
}

export function sqliteTarget(folder: string, name = "lite"): Target {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.sqlite`);
  const within = <T>(act: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      return act(db);
    } finally {
      db.close();
    }
  };
  within((db) => db.exec(`PRAGMA journal_mode = WAL; ${TABLE}; ${ROW}`));
  const read = async (): Promise<Row> => within((db) => db.prepare("SELECT v, n FROM settings").get() as unknown as Row);
  const target = rows(name, "?1", read, async (value) => void within((db) => db.prepare(UPDATE("?")).run(value)));
  return { ...target, settings: { databases: [{ name, kind: "sqlite", environment: "production", path }] } };
}

export async function postgresTarget(folder: string): Promise<Target> {
  const server = await startDurablePostgres(join(folder, "postgres"));
  const ask = async (text: string, values: readonly unknown[] = []): Promise<Row | undefined> => {
    const client = new Client({ connectionString: server.url });
    client.on("error", () => {});
    await client.connect();
    try {
      const answer = await client.query<{ v: string; n: number }>(text, [...values]);
      return answer.rows[0];
    } finally {
      await client.end();
    }
  };
  await ask(TABLE);
  await ask(ROW);
  const read = async (): Promise<Row> => (await ask("SELECT v, n FROM settings")) ?? { v: "nothing", n: 0 };
  const target = rows("box", "$1", read, async (value) => void (await ask(UPDATE("$1"), [value])));
  const database = { name: "box", kind: "postgres", environment: "production", url_env: "BOX_URL", rehearse: "here" };
  return { ...target, settings: { databases: [database] }, env: { BOX_URL: server.url }, server, close: () => server.kill() };
}

/** A change with a step for each: all of them are written, or the value is none that anybody wrote. */
export function composite(parts: readonly Target[]): Target {
  const settings: Record<string, unknown> = {};
  const declarations: Record<string, unknown> = {};
  for (const part of parts) {
    merge(settings, part.settings);
    merge(declarations, part.declarations ?? {});
  }
  return {
    connectors: parts.flatMap(({ connectors }) => connectors),
    settings: settings as Target["settings"],
    declarations: declarations as NonNullable<Target["declarations"]>,
    steps: async (value) => (await Promise.all(parts.map((part) => part.steps(value)))).flat(),
    async value() {
      const values = new Set(await Promise.all(parts.map((part) => part.value())));
      return [...values].join("|");
    },
    writes: async (value) => Math.max(...(await Promise.all(parts.map((part) => part.writes(value))))),
    async mend(value) {
      for (const part of parts) if ((await part.value()) !== value) await part.mend(value);
    },
    listen(listener, held) {
      for (const part of parts) part.listen(listener, held);
    },
    async sweep() {
      for (const part of parts) await part.sweep();
    },
    async close() {
      for (const part of parts) await part.close();
    },
  };
}

/** Lists become longer, and what has members gets those of both. */
export function merge(into: Record<string, unknown>, from: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(from)) {
    const there = into[name];
    if (Array.isArray(there) && Array.isArray(value)) into[name] = [...(there as unknown[]), ...(value as unknown[])];
    else if (typeof there === "object" && there !== null && typeof value === "object" && value !== null) {
      const both: Record<string, unknown> = { ...there };
      merge(both, value as Record<string, unknown>);
      into[name] = both;
    } else into[name] = value;
  }
}
