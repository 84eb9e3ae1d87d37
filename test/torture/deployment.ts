/** A deployment to be tortured: settings, people, policy, two small repositories, and a token for everybody. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createSampleRepository } from "../../src/sample-repository.ts";
import { answered, Connection } from "./http.ts";
import { startServer, type PawlProcess } from "./processes.ts";

export const AGENTS = ["agent:one", "agent:two", "agent:three", "agent:four"] as const;
export const REVIEWERS = ["human:linus", "human:grace", "human:barbara"] as const;
export const ADMIN = "human:ada";
export const REPOSITORIES = ["shop", "stock"] as const;
export const ORIGIN = "torture.example/log";

const person = (id: string, roles: readonly string[] = []) => ({ id, name: id, active: true, identities: [], roles });
export const DIRECTORY = {
  persons: [person("ada", ["admin"]), person("grace"), person("barbara"), person("linus"), person("olga")],
  machines: AGENTS.map((id) => ({ id, owner: "human:olga", actsFor: [], active: true })),
  groups: [
    { name: "admins", members: ["ada", "barbara"], handles: [] },
    { name: "maintainers", members: ["linus", "grace", "barbara"], handles: [] },
  ],
};

/** Documentation passes by itself; Pawl's own rules need one signature, everything else two. */
export const policy = (name: string): string => `pawl: policy/v1
name: ${name}
surfaces:
  - name: pawl
    resources: ["pawl:**"]
rules:
  - id: documentation
    outcome: auto
    when: size(findings) == 0 && effects.all(e, e.resource_kind == "git.file" && e.kind == "create" && glob(e.path, ["docs/**"]))
    reason: only new documentation
  - id: pawl
    outcome: escalate
    when: '"pawl" in summary.surfaces'
    reason: this changes how every other change is judged
    seats:
      - { id: admin, who: [{ group: admins }] }
defaults:
  seats:
    - { id: maintainer, who: [{ group: maintainers }], count: 2 }
  unowned: [{ group: maintainers }]
`;

export interface Deployment {
  readonly folder: string;
  readonly tokens: ReadonlyMap<string, string>;
  /** Still running. */
  readonly server: PawlProcess;
}

export const repositoryOf = (folder: string, name: string): string => join(folder, `${name}.git`);

export interface Made {
  /** Where PostgreSQL is; without, the embedded database. */
  readonly postgres?: string;
  /** Where git finds a repository; without, beside the settings, so that a copy of all has repositories of its own. */
  readonly urlOf?: (path: string) => string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Writes everything that a first start needs. */
async function prepare(folder: string, { postgres, urlOf = (path) => `./${basename(path)}` }: Made = {}): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const name of REPOSITORIES) await createSampleRepository(repositoryOf(folder, name));
  const settings = {
    data_dir: "data",
    origin: ORIGIN,
    listen: { port: 0 },
    database: postgres === undefined ? { kind: "sqlite" } : { kind: "postgres", url: postgres },
    repositories: REPOSITORIES.map((name) => ({ name, url: urlOf(repositoryOf(folder, name)), environment: "production" })),
    seeds: { directory: "directory.json", policy: "policy.yaml" },
    rate: { per_credential_per_minute: 1_000_000, anonymous_per_minute: 1_000_000 },
    limits: { open_changes_per_proposer: 1000 },
  };
  writeFileSync(join(folder, "pawl.yaml"), JSON.stringify(settings));
  writeFileSync(join(folder, "directory.json"), JSON.stringify(DIRECTORY));
  writeFileSync(join(folder, "policy.yaml"), policy("first"));
}

/** The first start, and a token for everybody. */
export async function deploy(folder: string, made: Made = {}): Promise<Deployment> {
  await prepare(folder, made);
  const server = await startServer({ cwd: folder, env: made.env ?? {} });
  return { folder, tokens: await tokensOf(folder, server.url), server };
}

/** After a first start: a token for everybody. */
export async function tokensOf(folder: string, url: string): Promise<ReadonlyMap<string, string>> {
  const connection = new Connection();
  const admin = readFileSync(join(folder, "data", "tokens", "ada"), "utf8");
  const tokens = new Map([[ADMIN, admin]]);
  for (const principal of [...AGENTS, ...REVIEWERS]) {
    const ask = { method: "POST", path: "/v1/tokens", token: admin, body: { principal } } as const;
    tokens.set(principal, (await answered<{ token: string }>(connection, url, ask)).token);
  }
  connection.close();
  return tokens;
}
