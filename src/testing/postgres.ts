/**
 * PostgreSQL for tests: one real server for a whole test run, a database of its own for whoever asks. Set PAWL_TEST_POSTGRES to
 * the URL of a server (without a database) to use that instead.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";

/** The process that runs all test files, when there is one. */
const run = process.env["NODE_TEST_CONTEXT"] === undefined ? process.pid : process.ppid;
const folder = join(tmpdir(), `pawl-postgres-${process.getuid?.() ?? 0}-${run}`);
const WAIT_MILLIS = 60_000;
const STEP_MILLIS = 25;

let url: Promise<string> | undefined;

export function postgresServer(): Promise<string> {
  return (url ??= findOrStart());
}

async function findOrStart(): Promise<string> {
  const given = process.env["PAWL_TEST_POSTGRES"];
  if (given !== undefined) return given;
  if (claimed()) startKeeper();
  for (let waited = 0; waited < WAIT_MILLIS; waited += STEP_MILLIS) {
    if (existsSync(join(folder, "url"))) return readFileSync(join(folder, "url"), "utf8");
    if (existsSync(join(folder, "failed"))) throw new Error(readFileSync(join(folder, "failed"), "utf8"));
    await wait(STEP_MILLIS);
  }
  throw new Error(`no PostgreSQL server appeared in ${folder}; remove that folder if it is left from an earlier run`);
}

/** The first process of the run to make the folder starts the server. */
function claimed(): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

function startKeeper(): void {
  const keeper = join(import.meta.dirname, "postgres-keeper.ts");
  const env = { ...process.env };
  delete env["NODE_TEST_CONTEXT"];
  spawn(process.execPath, [keeper, folder, String(run)], { detached: true, stdio: "ignore", env }).unref();
}

let databases = 0;

/** The connection string of a new, empty database; it is dropped at the end. */
export async function freshDatabase(t: { after(fn: () => Promise<void>): void }): Promise<string> {
  const server = await postgresServer();
  const name = `pawl_${process.pid}_${++databases}`;
  await administer(server, `CREATE DATABASE ${name}`);
  t.after(() => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return `${server}/${name}`;
}

/** One statement on a connection of its own. */
export async function administer(server: string, sql: string, database = "postgres"): Promise<void> {
  const client = new Client({ connectionString: `${server}/${database}` });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
