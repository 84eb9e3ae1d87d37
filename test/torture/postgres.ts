/** A PostgreSQL server of one's own that keeps its promises (fsync on), can be killed whole, and started again on what is left. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";
import { familyOf, isAlive, watched, type Killable } from "./processes.ts";

export interface DurablePostgres {
  /** With the database's name. */
  readonly url: string;
  /** SIGKILL for the server and every process of it at once. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

const SERVER = new URL("../../src/testing/postgres-server.ts", import.meta.url).href;
const DATABASE = "torture";

/** How the server was started, so that it can be started again in the same way. */
interface Recipe {
  readonly program: string;
  readonly args: readonly string[];
  readonly uid: number;
  readonly gid: number;
}

/** The first start happens in a process of its own, whose end would take the server along: both are ended by us alone. */
export async function startDurablePostgres(folder: string): Promise<DurablePostgres> {
  // It runs as another user where this is root's folder.
  chmodSync(dirname(folder), 0o711);
  const program = `import(${JSON.stringify(SERVER)}).then(m => m.startPostgres(process.argv[1], true)).then(s => console.log(s.url))`;
  const first = spawn(process.execPath, ["-e", program, folder], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  const firstProcess = watched(first);
  let out = "";
  for await (const chunk of first.stdout.setEncoding("utf8")) {
    out += String(chunk);
    if (out.endsWith("\n")) break;
  }
  const server = out.trim();
  if (server === "") throw new Error("PostgreSQL did not start");
  const postmaster = Number(readFileSync(join(dataFolder(folder), "postmaster.pid"), "utf8").split("\n", 1)[0]);
  const recipe = recipeOf(postmaster);
  await query(`${server}/postgres`, `CREATE DATABASE ${DATABASE}`);
  let running: Killable | undefined;
  const kill = async (): Promise<void> => {
    // Taken down all at once: nobody gets to write down that another was lost.
    const pids = familyOf(running?.pid ?? postmaster);
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    await running?.kill("group");
    // A server whose parent has not asked for its end seems to run still, to one that finds its number.
    while (pids.some(isAlive) || existsSync(`/proc/${running?.pid ?? postmaster}`)) await wait(5);
    await firstProcess.kill("group");
  };
  return {
    url: `${server}/${DATABASE}`,
    kill,
    async restart() {
      const { args, uid, gid } = recipe;
      for (;;) {
        running = watched(spawn(recipe.program, args, { detached: true, stdio: ["ignore", "ignore", "pipe"], uid, gid }));
        if (await itAnswers(`${server}/${DATABASE}`, running)) return;
      }
    },
  };
}

const dataFolder = (folder: string): string => join(folder, readdirSync(folder).find((name) => /^data\d+$/.test(name)) ?? "data1");

function recipeOf(pid: number): Recipe {
  const [program = "", ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  const { uid, gid } = statSync(`/proc/${pid}`);
  return { program, args, uid, gid };
}

/** False when a process that was born as its server was killed holds the folder still: it ends as soon as it notices. */
async function itAnswers(url: string, server: Killable): Promise<boolean> {
  let over = false;
  void server.ended.then(() => (over = true));
  for (;;) {
    try {
      await query(url, "SELECT 1");
      return true;
    } catch (error) {
      if (over && server.said().includes("shared memory block")) return false;
      if (over) throw new Error(`PostgreSQL did not start again on its data folder: ${server.said()}`, { cause: error });
      await wait(20);
    }
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
