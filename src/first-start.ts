import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { GitRepository } from "./connectors/git/index.ts";
import type { Settings } from "./cli/settings.ts";
import { pawlConnector } from "./connectors/pawl/index.ts";
import { configDesk, issueToken, parseDirectory, seedConfig, type Deps } from "./control/index.ts";
import { canonical, ok, refuse, type PrincipalId, type Result } from "./core/base/index.ts";
import type { Keys } from "./keys.ts";
import { createSampleRepository } from "./sample-repository.ts";

export interface FirstStart {
  readonly person: { readonly id: string; readonly name: string; readonly token: string };
  /** Absent where the operator brought a directory of their own. */
  readonly agent?: { readonly id: string; readonly token: string };
  readonly sampleRepository?: string;
}

const SAMPLE = "sample";
const SANDBOX = "agent:sandbox" as PrincipalId;

export interface Begun {
  /** Absent on every start but the first. */
  readonly made?: FirstStart;
  /** The sample, while the operator has declared none. */
  readonly repositories: readonly GitRepository[];
}

/**
 * On the very first start: a policy and a directory in force, a token for the first person and one for the agent `sandbox`,
 * and a sample repository, so that a newcomer can propose, read and sign at once. Later starts find all of it and keep it.
 */
export async function firstStart(deps: Deps, settings: Settings, keys: Keys): Promise<Result<Begun>> {
  writeTrust(settings, deps, keys);
  const samplePath = join(settings.dataDir, SAMPLE);
  const wantsSample = settings.repositories.length === 0 && !settings.remoteConnectors.includes("git");
  // Tokens come last, so that a first start that broke off is a first start still.
  const { rows } = await deps.store.list({ prefix: "token/", limit: 1 });
  const made = rows.length > 0 ? ok(undefined) : await makeFirst(deps, settings, wantsSample ? samplePath : undefined);
  if (!made.ok) return made;
  const repositories = wantsSample && existsSync(samplePath) ? [{ name: SAMPLE, url: samplePath, environment: "sandbox" }] : [];
  return ok({ repositories, ...(made.value === undefined ? {} : { made: made.value }) });
}

async function makeFirst(deps: Deps, settings: Settings, sampleRepository: string | undefined): Promise<Result<FirstStart>> {
  const person = firstPerson(settings);
  if (!person.ok) return person;
  const seeded = await seed(deps, settings, person.value);
  if (!seeded.ok) return seeded;
  if (sampleRepository !== undefined) await freshSample(sampleRepository);
  const { id, name } = person.value;
  const token = await tokenFor(deps, settings, `human:${id}` as PrincipalId, id);
  if (!token.ok) return token;
  const first = { person: { id, name, token: token.value }, ...(sampleRepository === undefined ? {} : { sampleRepository }) };
  if (settings.seeds.directory !== undefined) return ok(first);
  const agent = await tokenFor(deps, settings, SANDBOX, "sandbox");
  return agent.ok ? ok({ ...first, agent: { id: SANDBOX, token: agent.value } }) : agent;
}

/** What comes into force unreviewed is checked like any change that would replace it. */
async function seed(deps: Deps, settings: Settings, person: FirstPerson): Promise<Result<void>> {
  const connector = pawlConnector(configDesk(deps));
  const seeds = [
    { kind: "policy", text: policyText(settings), path: settings.seeds.policy },
    { kind: "directory", text: directoryText(settings, person), path: settings.seeds.directory },
    ...declarationsSeed(settings),
  ] as const;
  for (const { kind, text, path } of seeds) {
    const admitted = await connector.admit({ kind, text });
    if (!admitted.ok) {
      const faults = admitted.error.map(({ message }) => message).join("; ");
      const what = kind === "connectors" ? "the text of declared operations" : `the ${kind}`;
      return refuse(`${kind}_invalid`, `${what} is not valid: ${faults}`, { where: path ?? kind, remedy: "mend it, and start again" });
    }
  }
  for (const { kind, text } of seeds) {
    const seeded = await seedConfig(deps, kind, text);
    if (!seeded.ok) return seeded;
  }
  return ok(undefined);
}

/** What an earlier attempt left half made is made anew. */
async function freshSample(path: string): Promise<void> {
  rmSync(path, { recursive: true, force: true });
  await createSampleRepository(path);
}

async function tokenFor(deps: Deps, settings: Settings, principal: PrincipalId, name: string): Promise<Result<string>> {
  const made = await issueToken(deps, principal, "first start", "first-start");
  if (!made.ok) return made;
  keep(settings.dataDir, name, made.value.token);
  return ok(made.value.token);
}

function policyText(settings: Settings): string {
  return readFileSync(settings.seeds.policy ?? new URL("../examples/policy/default.yaml", import.meta.url), "utf8");
}

/** Where nothing is brought, nothing is declared, and nothing needs to be in force. */
function declarationsSeed({ seeds: { connectors: path } }: Settings) {
  return path === undefined ? [] : [{ kind: "connectors", text: readFileSync(path, "utf8"), path } as const];
}

interface FirstPerson {
  readonly id: string;
  readonly name: string;
}

/** The first admin of the directory the operator brought, or whoever starts Pawl. */
function firstPerson(settings: Settings): Result<FirstPerson> {
  if (settings.seeds.directory !== undefined) return firstAdmin(settings.seeds.directory);
  const name = userInfo().username;
  const id = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]/g, "-")
    .replace(/^[^a-z0-9]+/, "");
  return ok({ id: id === "" ? "first" : id, name });
}

/** A directory that cannot be read is refused where it is seeded, with every fault. */
function firstAdmin(path: string): Result<FirstPerson> {
  const directory = parseDirectory(readFileSync(path, "utf8"));
  const admin = directory.ok
    ? directory.value.persons.find((p) => p.active && p.roles.includes("admin"))
    : { id: "nobody", name: "nobody" };
  if (admin !== undefined) return ok({ id: admin.id, name: admin.name });
  const message = "the directory names no active person with the role admin, so nobody could make tokens";
  return refuse("no_admin", message, { where: path, remedy: 'give one person "roles": ["admin"]' });
}

/**
 * The sandbox agent belongs to a placeholder who is no active person, so that somebody alone can sign what it proposes.
 * An agent in earnest gets a real owner, who then cannot.
 */
function directoryText(settings: Settings, person: FirstPerson): string {
  if (settings.seeds.directory !== undefined) return readFileSync(settings.seeds.directory, "utf8");
  const groups = ["admins", "identity", "maintainers", "security"];
  const directory = canonical({
    persons: [
      { id: person.id, name: person.name, active: true, identities: [], roles: ["admin"] },
      { id: "sandbox-owner", name: "Owner of the sandbox agent (placeholder)", active: false, identities: [], roles: [] },
    ],
    machines: [{ id: "agent:sandbox", owner: "human:sandbox-owner", actsFor: [], active: true }],
    groups: groups.map((name) => ({ name, members: [person.id], handles: name === "admins" ? [] : [`@shop/${name}`] })),
  });
  // A member to a line, in the order of `people show --json`: what replaces it then differs in its own lines only.
  return `${JSON.stringify(JSON.parse(directory), null, 2)}\n`;
}

/** What a verifier must already trust; hand it out through another way than Pawl itself. */
function writeTrust(settings: Settings, deps: Deps, keys: Keys): void {
  const base64 = (key: Uint8Array): string => Buffer.from(key).toString("base64");
  const trust = {
    origin: keys.origin,
    log_keys: deps.logKeys,
    grant_keys: { [keys.grant.name]: base64(keys.grant.publicKey) },
    runner_keys: { [keys.runner]: base64(keys.evidence.publicKey) },
    ...(settings.witnesses.length === 0 ? {} : { witness_keys: settings.witnesses.map(({ key }) => key) }),
  };
  writeFileSync(join(settings.dataDir, "trust.json"), `${JSON.stringify(trust, null, 2)}\n`);
}

function keep(dataDir: string, name: string, token: string): void {
  mkdirSync(join(dataDir, "tokens"), { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDir, "tokens", name), token, { mode: 0o600 });
}
