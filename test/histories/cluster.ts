/** Three Pawl processes on one PostgreSQL, set up as ARCHITECTURE.md says, each behind a proxy of its own. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { createSampleRepository } from "../../src/sample-repository.ts";
import type { Ask } from "../../src/testing/ask.ts";
import { freePort } from "../../src/testing/free-port.ts";
import { freshDatabase } from "../../src/testing/postgres.ts";
import { startProxy, type Proxy } from "../../src/testing/proxy.ts";
import { ask, type Reply } from "./http.ts";

const run = promisify(execFile);
const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");
const ATTEMPTS = 100;
const NAMES = ["north", "south", "west"] as const;
/** What the nodes share; `runner` is each node's own. */
const SHARED_KEYS = ["origin", "log.pem", "grant.pem", "secret.hex"];
export const REVIEWERS = ["bo", "cy", "di", "ed"];
export const BRANCHES = ["one", "two", "three"];
const LEASE_SECONDS = 2;

interface Ending {
  after(fn: () => Promise<void> | void): void;
}

export interface Cluster {
  readonly nodes: readonly Node[];
  readonly repository: string;
  /** Bearer tokens by principal. */
  readonly tokens: ReadonlyMap<string, string>;
  /** The ledger is looked at whole, without any server. */
  fsck(): Promise<{ readonly code: number | null; readonly said: string }>;
}

export interface ClusterOptions {
  /** What git uses for `ssh://` addresses; the repository is then reached through it. */
  readonly gitSsh?: string;
  readonly log?: (line: string) => void;
}

export async function startCluster(t: Ending, options: ClusterOptions = {}): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), "pawl-histories-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const repository = join(dir, "shop.git");
  await createSampleRepository(repository, { "README.md": "# Shop\n" });
  for (const branch of BRANCHES) await run("git", ["-C", repository, "branch", branch, "main"]);
  const database = new URL(await freshDatabase(t));
  writeFileSync(join(dir, "policy.yaml"), POLICY);
  writeFileSync(join(dir, "directory.json"), JSON.stringify(DIRECTORY));
  const nodes: Node[] = [];
  for (const name of NAMES) nodes.push(await Node.make(t, { name, dir, database, repository, options }));
  const [first, ...others] = nodes as [Node, ...Node[]];
  await first.start();
  for (const node of others) {
    mkdirSync(join(node.data, "keys"), { recursive: true, mode: 0o700 });
    for (const key of SHARED_KEYS) copyFileSync(join(first.data, "keys", key), join(node.data, "keys", key));
  }
  await Promise.all(others.map((node) => node.start()));
  const tokens = await tokensFrom(first);
  return { nodes, repository, tokens, fsck: () => fsck(first) };
}

async function tokensFrom(first: Node): Promise<ReadonlyMap<string, string>> {
  const admin = readFileSync(join(first.data, "tokens", "ada"), "utf8");
  const tokens = new Map([["human:ada", admin]]);
  for (const principal of [...REVIEWERS.map((id) => `human:${id}`), "agent:bot"]) {
    const made = await ask(first.url, { method: "POST", path: "/v1/tokens", token: admin, body: { principal } }, 30_000);
    if (made?.status !== 201) throw new Error(`no token for ${principal}: ${JSON.stringify(made)}`);
    tokens.set(principal, (made.body as { token: string }).token);
  }
  return tokens;
}

interface Making {
  readonly name: string;
  readonly dir: string;
  readonly database: URL;
  readonly repository: string;
  readonly options: ClusterOptions;
}

export class Node {
  readonly name: string;
  readonly url: string;
  readonly data: string;
  readonly config: string;
  readonly proxy: Proxy;
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: (line: string) => void;
  #process: ChildProcess | undefined;

  private constructor({ name, dir, options }: Making, port: number, proxy: Proxy) {
    this.name = name;
    this.url = `http://127.0.0.1:${port}`;
    this.data = join(dir, name);
    this.config = join(dir, `${name}.yaml`);
    this.proxy = proxy;
    this.#log = options.log ?? (() => {});
    const { gitSsh } = options;
    this.#env = {
      PATH: [dirname(process.execPath), process.env["PATH"]].join(":"),
      HOME: dir,
      NO_COLOR: "1",
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      ...(gitSsh && { GIT_SSH_COMMAND: gitSsh }),
    };
  }

  static async make(t: Ending, making: Making): Promise<Node> {
    const { dir, database, repository, options } = making;
    const proxy = await startProxy({ host: database.hostname, port: Number(database.port) });
    const port = await freePort();
    const node = new Node(making, port, proxy);
    const through = new URL(database);
    through.port = String(proxy.port);
    const settings = {
      data_dir: node.data,
      listen: { host: "127.0.0.1", port },
      database: { kind: "postgres", url: through.href },
      origin: "shop.example/histories",
      repositories: [
        { name: "shop", url: options.gitSsh === undefined ? repository : `ssh://here${repository}`, environment: "production" },
      ],
      limits: { lease_seconds: LEASE_SECONDS, open_changes_per_proposer: 100_000 },
      rate: { per_credential_per_minute: 1_000_000, anonymous_per_minute: 1_000_000 },
      seeds: { policy: join(dir, "policy.yaml"), directory: join(dir, "directory.json") },
    };
    writeFileSync(node.config, JSON.stringify(settings));
    t.after(async () => {
      node.kill();
      await proxy.close();
    });
    return node;
  }

  /** Until it says that it runs. A start that fails is tried again: the database may not be to be had at the moment. */
  async start(attempts = 1): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const child = spawn(process.execPath, [BIN, "up", "--config", this.config], { env: this.#env, stdio: ["ignore", "pipe", "pipe"] });
      this.#process = child;
      const ended = once(child, "exit");
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        for (const line of text.trimEnd().split("\n")) this.#log(`${this.name}: ${line}`);
      });
      const runs = new Promise<true>((done) => {
        let out = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          out += text;
          if (out.includes("Pawl runs at")) done(true);
        });
      });
      if ((await Promise.race([runs, ended])) === true) return;
      if (this.#process !== child) return;
      if (attempt === attempts) throw new Error(`${this.name} does not start: ${said}`);
      await wait(250);
    }
  }

  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  kill(): void {
    const child = this.#process;
    this.#process = undefined;
    child?.kill("SIGKILL");
  }

  async restart(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      this.kill();
      await ended;
    }
    await this.start(ATTEMPTS);
  }

  ask(request: Ask, timeoutMillis?: number): Promise<Reply | undefined> {
    return ask(this.url, request, timeoutMillis);
  }

  async healthy(): Promise<boolean> {
    return (await this.ask({ method: "GET", path: "/v1/health" }))?.status === 200;
  }
}

/** The messages of a branch's commits, newest first. */
export async function commitsOf(repository: string, branch: string): Promise<readonly string[]> {
  const { stdout } = await run("git", ["-C", repository, "log", "--format=%s", branch, "--"], { maxBuffer: 1 << 26 });
  return stdout.trimEnd().split("\n");
}

async function fsck({ config }: Node): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(process.execPath, [BIN, "ledger", "fsck", "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, said };
}

const DIRECTORY = {
  persons: ["ada", ...REVIEWERS].map((id) => ({ id, name: id, active: true, identities: [], roles: id === "ada" ? ["admin"] : [] })),
  machines: [{ id: "agent:bot", owner: "human:ada", actsFor: [], active: true }],
  groups: [{ name: "reviewers", members: REVIEWERS, handles: [] }],
};

/** Two of four reviewers sign everything. */
const POLICY = `pawl: policy/v1
name: histories
rules:
  - id: everything
    outcome: review
    when: "true"
    reason: two reviewers look at everything
    seats:
      - { id: reviewers, who: [{ group: reviewers }], count: 2 }
defaults:
  seats:
    - { id: reviewers, who: [{ group: reviewers }], count: 2 }
  unowned: [{ group: reviewers }]
cases:
  - name: two reviewers
    facts: { effects: [{ path: a.txt, resource_kind: git.file }] }
    expect: { outcome: review, rules: [everything], seats: [reviewers] }
`;
