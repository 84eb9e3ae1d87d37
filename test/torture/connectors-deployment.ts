/** A real Pawl, and where asked a real `pawl runner` behind a proxy, with a target of each kind that is tortured. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../src/testing/free-port.ts";
import { startProxy, type Proxy } from "../../src/testing/proxy.ts";
import { composite, gitTarget, merge, postgresTarget, sqliteTarget } from "./connectors-stores.ts";
import { commandTarget, httpTarget, TERRAFORM, terraformTarget } from "./connectors-systems.ts";
import type { Target } from "./connectors-target.ts";
import { DIRECTORY, ORIGIN, tokensOf } from "./deployment.ts";
import { command, startRunner, startServer, type Killable, type PawlProcess } from "./processes.ts";

export const KINDS = ["git", "sql-sqlite", "sql-postgres", "terraform", "http", "command", "composite"] as const;
export type Kind = (typeof KINDS)[number];
export const isThere = (kind: Kind): boolean => kind !== "terraform" || TERRAFORM !== undefined;

export type Where = "here" | "remote";

const POLICY = `pawl: policy/v1
name: torture
rules:
  - id: everything
    outcome: review
    when: 'true'
    reason: somebody signs
    seats: [{ id: maintainer, who: [{ group: maintainers }] }]
defaults:
  seats: [{ id: maintainer, who: [{ group: maintainers }] }]
`;

const TARGETS: Readonly<Record<Kind, (folder: string) => Promise<Target>>> = {
  git: gitTarget,
  "sql-sqlite": async (folder) => sqliteTarget(folder),
  "sql-postgres": postgresTarget,
  terraform: async (folder) => terraformTarget(folder),
  http: () => httpTarget("box"),
  command: async (folder) => commandTarget(folder),
  composite: async (folder) => composite([sqliteTarget(folder, "twofold"), await httpTarget("twofold")]),
};

/** Everything that runs and is killed. */
export class Deployment {
  readonly folder: string;
  readonly targets: ReadonlyMap<Kind, Target>;
  readonly where: Where;
  readonly tokens = new Map<string, string>();
  readonly proxy: Proxy;
  server: PawlProcess;
  runner: Killable | undefined;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(folder: string, where: Where, targets: ReadonlyMap<Kind, Target>, proxy: Proxy, server: PawlProcess) {
    this.folder = folder;
    this.where = where;
    this.targets = targets;
    this.proxy = proxy;
    this.server = server;
    this.#env = envOf(targets);
  }

  static async begin(folder: string, kinds: readonly Kind[], where: Where): Promise<Deployment> {
    const targets = new Map<Kind, Target>();
    for (const kind of kinds) {
      mkdirSync(join(folder, kind), { recursive: true });
      targets.set(kind, await TARGETS[kind](join(folder, kind)));
    }
    const port = await freePort();
    const proxy = await startProxy({ host: "127.0.0.1", port });
    prepare(folder, where, targets, port, proxy.port);
    try {
      const server = await startServer({ cwd: folder, env: where === "here" ? envOf(targets) : {} });
      const deployment = new Deployment(folder, where, targets, proxy, server);
      for (const [who, token] of await tokensOf(folder, server.url)) deployment.tokens.set(who, token);
      if (where === "remote") await deployment.#enrol();
      return deployment;
    } catch (error) {
      await closeAll(targets, proxy);
      throw error;
    }
  }

  async #enrol(): Promise<void> {
    const told = async (cwd: string, ...args: readonly string[]): Promise<string> => {
      const { code, text } = await command(cwd, ...args);
      if (code !== 0) throw new Error(`pawl ${args.join(" ")} ended with ${code}: ${text}`);
      return text.trim();
    };
    const token = await told(this.folder, "runner", "token", "--as", "ada", "--label", "cellar", "--url", this.server.url, "--quiet");
    const url = `http://127.0.0.1:${this.proxy.port}`;
    await told(this.#cellar, "runner", "enrol", "--url", url, "--token", token);
    await this.startRunner();
  }

  get #cellar(): string {
    return join(this.folder, "cellar");
  }

  async startRunner(): Promise<void> {
    this.runner = await startRunner({ cwd: this.#cellar, env: this.#env });
  }

  async startServer(): Promise<void> {
    this.server = await startServer({ cwd: this.folder, env: this.where === "here" ? this.#env : {} });
  }

  /** The process that works the connectors. */
  get worker(): Killable {
    return this.runner ?? this.server;
  }

  async end(): Promise<void> {
    await Promise.all([this.server.kill("group"), this.runner?.kill("group")]);
    await closeAll(this.targets, this.proxy);
  }
}

async function closeAll(targets: ReadonlyMap<Kind, Target>, proxy: Proxy): Promise<void> {
  for (const target of targets.values()) await target.close();
  await proxy.close();
}

const envOf = (targets: ReadonlyMap<Kind, Target>): Readonly<Record<string, string>> =>
  Object.assign({}, ...[...targets.values()].map(({ env }) => env ?? {})) as Readonly<Record<string, string>>;

function prepare(folder: string, where: Where, targets: ReadonlyMap<Kind, Target>, port: number, proxyPort: number): void {
  const worked: Record<string, unknown> = {};
  const declared: Record<string, unknown> = {};
  for (const target of targets.values()) {
    merge(worked, target.settings);
    merge(declared, target.declarations ?? {});
  }
  const remote = [...new Set([...targets.values()].flatMap(({ connectors }) => connectors))];
  const settings = {
    data_dir: "data",
    origin: ORIGIN,
    listen: { port },
    trusted_hosts: [`127.0.0.1:${proxyPort}`],
    seeds: { directory: "directory.json", policy: "policy.yaml", connectors: "connectors.yaml" },
    rate: { per_credential_per_minute: 1_000_000, anonymous_per_minute: 1_000_000 },
    limits: { open_changes_per_proposer: 1000, lease_seconds: LEASE_SECONDS },
    ...(where === "here" ? worked : { remote_connectors: remote }),
  };
  const write = (name: string, value: unknown): void => writeFileSync(join(folder, name), JSON.stringify(value));
  write("pawl.yaml", settings);
  write("directory.json", DIRECTORY);
  write("connectors.yaml", { pawl: "connectors/v1", ...declared });
  writeFileSync(join(folder, "policy.yaml"), POLICY);
  if (where === "here") return;
  mkdirSync(join(folder, "cellar"), { recursive: true });
  write("cellar/pawl.yaml", { data_dir: "data", ...worked });
}

/** Long enough for a process that has to share two processors, and short enough to wait for. */
const LEASE_SECONDS = 5;
