/** What the demo plays in: a shop with a repository, a database and a network, and a real Pawl before them. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { loadSettings, type Settings } from "../cli/settings.ts";
import { startPawl } from "../main.ts";
import { createSampleRepository } from "../sample-repository.ts";

/** Ada owns the agent, Grace owns sign-in, Barbara keeps the shop secure, Linus maintains the rest with her. */
const DIRECTORY = {
  persons: [
    { id: "ada", name: "Ada", active: true, identities: [], roles: ["admin"] },
    { id: "grace", name: "Grace", active: true, identities: [], roles: [] },
    { id: "barbara", name: "Barbara", active: true, identities: [], roles: [] },
    { id: "linus", name: "Linus", active: true, identities: [], roles: [] },
  ],
  machines: [{ id: "agent:deployer", owner: "human:ada", actsFor: [], active: true }],
  groups: [
    { name: "admins", members: ["ada", "barbara"], handles: [] },
    { name: "identity", members: ["ada", "grace"], handles: ["@shop/identity"] },
    { name: "security", members: ["barbara"], handles: [] },
    { name: "maintainers", members: ["linus", "barbara"], handles: ["@shop/maintainers"] },
  ],
};

export type Actor = "agent" | "ada" | "grace" | "barbara" | "linus";

export interface World {
  readonly settings: Settings;
  readonly url: string;
  readonly repository: string;
  /** The shop's accounts. */
  readonly database: string;
  /** The network's configuration; absent where Terraform is not installed. */
  readonly network?: string;
  readonly tokens: Readonly<Record<Actor, string>>;
  close(): Promise<void>;
}

export async function openWorld(dir: string): Promise<World> {
  const repository = join(dir, "shop.git");
  await createSampleRepository(repository);
  const database = makeDatabase(join(dir, "shop.sqlite"));
  const network = await makeNetwork(dir);
  await writeFile(join(dir, "directory.json"), JSON.stringify(DIRECTORY));
  const check = [process.execPath, "check.js"];
  const config = {
    data_dir: join(dir, "data"),
    listen: { port: 0 },
    repositories: [{ name: "shop", url: repository, environment: "production", verify: { argv: check, timeout_seconds: 20 } }],
    databases: [{ name: "shop", kind: "sqlite", path: database, environment: "production", sensitive: ["main.accounts.email"] }],
    ...(network === undefined ? {} : { terraform: [{ name: "net", source: network, environment: "production" }] }),
    seeds: { directory: join(dir, "directory.json") },
  };
  await writeFile(join(dir, "pawl.yaml"), JSON.stringify(config));
  const loaded = loadSettings({ cwd: dir, env: {}, config: join(dir, "pawl.yaml") });
  if (!loaded.ok) throw new Error(`invariant broken: the demo's settings: ${JSON.stringify(loaded.error)}`);
  const { settings } = loaded.value;
  const problems: string[] = [];
  const started = await startPawl(settings, { log: (line) => problems.push(line) });
  if (!started.ok) throw new Error(`invariant broken: the demo's server did not start: ${started.error.message}`);
  const running = started.value;
  const admin = running.firstStart?.person.token;
  if (admin === undefined) throw new Error("invariant broken: a first start gives the first person a token");
  const token = async (principal: string): Promise<string> =>
    (await call<{ token: string }>(running.url, admin, "POST", "/v1/tokens", { principal, label: "demo" })).token;
  const tokens = {
    ada: admin,
    agent: await token("agent:deployer"),
    grace: await token("human:grace"),
    barbara: await token("human:barbara"),
    linus: await token("human:linus"),
  };
  return {
    settings,
    url: running.url,
    repository,
    database,
    ...(network === undefined ? {} : { network }),
    tokens,
    close: () => running.close(),
  };
}

export class Refused extends Error {
  readonly reason: string;
  constructor(problem: { readonly detail?: string; readonly reason?: string }) {
    super(problem.detail ?? "refused");
    this.reason = problem.reason ?? "unknown";
  }
}

export async function call<T>(url: string, token: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as T & { detail?: string; reason?: string };
  if (!response.ok) throw new Refused(answer);
  return answer;
}

const ACCOUNTS = `CREATE TABLE accounts (id INTEGER PRIMARY KEY, email TEXT NOT NULL, plan TEXT NOT NULL, seen INTEGER NOT NULL);
  INSERT INTO accounts VALUES (1, 'ann@example.com', 'gold', 2026), (2, 'ben@example.com', 'free', 2021), (3, 'cleo@example.com', 'gold', 2022),
  (4, 'dan@example.com', 'free', 2026), (5, 'eve@example.com', 'free', 2020), (6, 'fay@example.com', 'gold', 2026)`;

function makeDatabase(path: string): string {
  const database = new DatabaseSync(path);
  database.exec(ACCOUNTS);
  database.close();
  return path;
}

/** Every account, as one text to compare. */
export function accountsIn({ database }: Pick<World, "database">): string {
  const open = new DatabaseSync(database, { readOnly: true });
  const rows = open.prepare("SELECT * FROM accounts ORDER BY id").all();
  open.close();
  return JSON.stringify(rows);
}

const run = promisify(execFile);
const gateway = 'resource "terraform_data" "old_gateway" {\n  input = "10.0.0.1"\n}\n';
const web = (image: string): string => `resource "terraform_data" "web" {\n  input = "${image}"\n}\n`;

/** A network that stands: applied once, before Pawl. It is made of Terraform's own kind of resource, so that nothing is fetched. */
async function makeNetwork(dir: string): Promise<string | undefined> {
  const folder = join(dir, "net");
  await mkdir(folder);
  await writeFile(
    join(folder, "backend.tf"),
    `terraform {\n  backend "local" {\n    path = ${JSON.stringify(join(dir, "net.tfstate"))}\n  }\n}\n`,
  );
  await writeFile(join(folder, "main.tf"), `${gateway}\n${web("shop:1")}`);
  const options = {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: dir, TF_IN_AUTOMATION: "1", TF_DATA_DIR: join(dir, "net.data"), CHECKPOINT_DISABLE: "1" },
  };
  try {
    await run("terraform", ["init", "-input=false", "-no-color"], options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  await run("terraform", ["apply", "-input=false", "-no-color", "-auto-approve"], options);
  return folder;
}

/** What an agent edits: the gateway goes, and a new image comes. */
export const withoutGateway = (network: string): Promise<void> => writeFile(join(network, "main.tf"), web("shop:2"));
