/** A real Pawl that has no connectors of its own, and a real `pawl runner` in a process of its own that has them. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { loadSettings } from "../../src/cli/settings.ts";
import { startPawl, type RunningPawl } from "../../src/main.ts";
import { createSampleRepository } from "../../src/sample-repository.ts";
import { DIRECTORY, folder, pawl, type Ran } from "../cli/world.ts";

const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");

export interface RunnerProcess {
  readonly child: ChildProcess;
  /** Everything that it said so far. */
  said(): string;
  /** Settles when it has said this, or ended. */
  says(text: string | RegExp): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Its exit code, once it has ended by itself. */
  readonly ended: Promise<number | null>;
}

export interface RemoteWorld {
  readonly dir: string;
  readonly url: string;
  readonly repository: string;
  readonly running: RunningPawl;
  as(name: string, ...argv: string[]): Promise<Ran>;
  /** Makes a data folder a runner's. */
  enrol(
    name: string,
    more?: { readonly environments?: string; readonly settings?: object; readonly argv?: readonly string[] },
  ): Promise<string>;
  start(t: TestContext, name: string, env?: Readonly<Record<string, string>>): Promise<RunnerProcess>;
  /** Runs the command line in a runner's folder. */
  at(name: string, ...argv: string[]): Promise<Ran>;
}

export async function remoteWorld(
  t: TestContext,
  { limits = {}, port = 0, hosts }: { readonly limits?: object; readonly port?: number; readonly hosts?: readonly string[] } = {},
): Promise<RemoteWorld> {
  const dir = await folder(t);
  const repository = join(dir, "shop.git");
  await createSampleRepository(repository);
  await writeFile(join(dir, "directory.json"), JSON.stringify(DIRECTORY));
  const config = {
    data_dir: "data",
    origin: "shop.example/log",
    listen: { port },
    ...(hosts === undefined ? {} : { trusted_hosts: hosts }),
    remote_connectors: ["git"],
    seeds: { directory: "directory.json" },
    limits,
  };
  await writeFile(join(dir, "pawl.yaml"), JSON.stringify(config));
  const loaded = loadSettings({ cwd: dir, env: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const started = await startPawl(loaded.value.settings, { log: (line) => t.diagnostic(line) });
  if (!started.ok) throw new Error(started.error.message);
  const running = started.value;
  t.after(() => running.close());
  const base = { cwd: dir, env: { PAWL_URL: running.url } };
  for (const [name, principal] of [["agent", "agent:deployer"], ...["grace", "barbara", "linus"].map((id) => [id, `human:${id}`])]) {
    const made = await pawl(base, "token", "create", "--as", "ada", "--for", principal ?? "", "--save", name ?? "");
    if (made.code !== 0) throw new Error(made.err);
  }
  const as: RemoteWorld["as"] = (name, ...argv) => pawl(base, ...argv, "--as", name);
  const at: RemoteWorld["at"] = (name, ...argv) => pawl({ cwd: join(dir, name), env: { PAWL_URL: running.url } }, ...argv);
  return {
    dir,
    url: running.url,
    repository,
    running,
    as,
    at,
    async enrol(name, { environments, settings = {}, argv = [] } = {}) {
      await mkdir(join(dir, name), { recursive: true });
      const own = {
        data_dir: "data",
        repositories: [{ name: "shop", url: repository, environment: "production", verify: { argv: ["node", "check.js"] } }],
        ...settings,
      };
      await writeFile(join(dir, name, "pawl.yaml"), JSON.stringify(own));
      const invited = await as(
        "ada",
        "runner",
        "token",
        "--label",
        name,
        ...(environments === undefined ? [] : ["--environments", environments]),
      );
      if (invited.code !== 0) throw new Error(invited.err);
      const enrolled = await at(name, "runner", "enrol", "--url", running.url, "--token", invited.out.trim(), "--json", ...argv);
      if (enrolled.code !== 0) throw new Error(enrolled.err + enrolled.out);
      return (JSON.parse(enrolled.out) as { readonly runner: string }).runner;
    },
    start: (test, name, env = {}) => startRunner(test, join(dir, name), env),
  };
}

async function startRunner(t: TestContext, cwd: string, env: Readonly<Record<string, string>>): Promise<RunnerProcess> {
  const child = spawn(process.execPath, [BIN, "runner", "run"], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: cwd, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      for (const listener of listeners) listener();
    });
  const ended = once(child, "close");
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    child.kill(signal);
    await ended;
    return child.exitCode;
  };
  t.after(() => stop("SIGKILL"));
  const says = async (wanted: string | RegExp): Promise<void> => {
    const heard = (): boolean => (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text));
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const listen = (): void => {
      if (heard()) done();
    };
    listeners.add(listen);
    listen();
    await Promise.race([promise, ended]);
    listeners.delete(listen);
    if (!heard()) throw new Error(`the runner ended without saying ${String(wanted)}: ${text}`);
  };
  await says("waits for work");
  return { child, said: () => text, says, stop, ended: ended.then(() => child.exitCode) };
}

/** What the branch holds now. */
export const fileAt = (repository: string, path: string): string =>
  execFileSync("git", ["-C", repository, "show", `main:${path}`], { encoding: "utf8" });
