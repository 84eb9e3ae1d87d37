import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { GitRepository } from "./connectors/git/index.ts";
import type { Settings } from "./cli/settings.ts";
import { issueToken, parseDirectory, seedConfig, type Deps } from "./control/index.ts";
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
  const samplePath = join(settings.dataDir, SAMPLE);
  const first = firstPerson(settings);
  if (!first.ok) return first;
  const person = first.value;
  const seededPolicy = await seedConfig(deps, "policy", policyText(settings));
  const seeded = await seedConfig(deps, "directory", directoryText(settings, person));
  writeTrust(settings.dataDir, deps, keys);
  const firstEver = seeded === "seeded" && seededPolicy === "seeded";
  if (firstEver && settings.repositories.length === 0) await createSampleRepository(samplePath);
  const repositories = settings.repositories.length === 0 && existsSync(samplePath) ? [{ name: SAMPLE, url: samplePath, environment: "sandbox" }] : [];
  if (!firstEver) return ok({ repositories });
  const mine = await issueToken(deps, `human:${person.id}` as PrincipalId, "first start", "first-start");
  keep(settings.dataDir, person.id, mine.token);
  if (settings.seeds.directory !== undefined) return ok({ repositories, made: { person: { ...person, token: mine.token } } });
  const agents = await issueToken(deps, SANDBOX, "first start", "first-start");
  keep(settings.dataDir, "sandbox", agents.token);
  return ok({ repositories, made: { person: { ...person, token: mine.token }, agent: { id: SANDBOX, token: agents.token }, sampleRepository: samplePath } });
}

function policyText(settings: Settings): string {
  return readFileSync(settings.seeds.policy ?? new URL("../examples/policy/default.yaml", import.meta.url), "utf8");
}

interface FirstPerson {
  readonly id: string;
  readonly name: string;
}

/** The first admin of the directory the operator brought, or whoever starts Pawl. */
function firstPerson(settings: Settings): Result<FirstPerson> {
  if (settings.seeds.directory !== undefined) return firstAdmin(settings.seeds.directory);
  const name = userInfo().username;
  const id = name.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "-").replace(/^[^a-z0-9]+/, "");
  return ok({ id: id === "" ? "first" : id, name });
}

function firstAdmin(path: string): Result<FirstPerson> {
  const directory = parseDirectory(readFileSync(path, "utf8"));
  if (!directory.ok) {
    const faults = directory.error.map((f) => `${f.where ?? ""} ${f.message}`.trim()).join("; ");
    return refuse("directory_invalid", `the directory is not valid: ${faults}`, { where: path, remedy: "mend it, and start again" });
  }
  const admin = directory.value.persons.find((p) => p.active && p.roles.includes("admin"));
  if (admin === undefined) return refuse("no_admin", "the directory names no active person with the role admin, so nobody could make tokens", { where: path, remedy: 'give one person "roles": ["admin"]' });
  return ok({ id: admin.id, name: admin.name });
}

/**
 * The sandbox agent belongs to a placeholder who is no active person, so that somebody alone can sign what it proposes.
 * An agent in earnest gets a real owner, who then cannot.
 */
function directoryText(settings: Settings, person: FirstPerson): string {
  if (settings.seeds.directory !== undefined) return readFileSync(settings.seeds.directory, "utf8");
  const groups = ["admins", "identity", "maintainers", "security"];
  return canonical({
    persons: [
      { id: person.id, name: person.name, active: true, identities: [], roles: ["admin"] },
      { id: "sandbox-owner", name: "Owner of the sandbox agent (placeholder)", active: false, identities: [], roles: [] },
    ],
    machines: [{ id: "agent:sandbox", owner: "human:sandbox-owner", actsFor: [], active: true }],
    groups: groups.map((name) => ({ name, members: [person.id], handles: name === "admins" ? [] : [`@shop/${name}`] })),
  });
}

/** What a verifier must already trust; hand it out through another way than Pawl itself. */
function writeTrust(dataDir: string, deps: Deps, keys: Keys): void {
  const trust = { origin: keys.origin, log_keys: deps.logKeys, grant_keys: { [keys.grant.name]: Buffer.from(keys.grant.publicKey).toString("base64") } };
  writeFileSync(join(dataDir, "trust.json"), `${JSON.stringify(trust, null, 2)}\n`);
}

function keep(dataDir: string, name: string, token: string): void {
  mkdirSync(join(dataDir, "tokens"), { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDir, "tokens", name), token, { mode: 0o600 });
}
