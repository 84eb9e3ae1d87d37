/** The real clock, chance and timers, and the connectors that settings declare: the same for the server and for a runner elsewhere. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Settings } from "./cli/settings.ts";
import { checkRepositories, findSecretsInWords, gitConnector, type GitRepository } from "./connectors/git/index.ts";
import { checkPrograms, commandConnector } from "./connectors/command/index.ts";
import { checkDatabases, sqlConnector } from "./connectors/sql/index.ts";
import { checkWorkspaces, terraformConnector } from "./connectors/terraform/index.ts";
import { checkHttp, httpConnector } from "./connectors/http/index.ts";
import type { Clock, Connector, Timers } from "./control/ports.ts";
import { millis, ok, refuse, type Result } from "./core/base/index.ts";
import { idsBy } from "./chance.ts";

export const clock: Clock = { now: () => millis(Date.now()) };
export const ids = idsBy(clock);

/** Only for how long something took. */
export const monotonic = (): number => performance.now();
export const random = (bytes: number): Uint8Array => randomBytes(bytes);

export const timers: Timers = {
  after(delay, fn) {
    const timer = setTimeout(fn, delay);
    return () => clearTimeout(timer);
  },
};

/** What a connector may need beside its own settings. */
export interface Wired {
  /** Keys the digests that stand in for secrets. */
  readonly secretKey: Uint8Array;
  readonly sample?: readonly GitRepository[];
}

export function repositoriesOf(settings: Settings, sample: readonly GitRepository[]): Result<readonly GitRepository[]> {
  const repositories = [...settings.repositories, ...sample];
  const faults = checkRepositories(repositories);
  if (faults.length === 0) return ok(repositories);
  const message = faults.map((f) => `${f.where ?? ""}: ${f.message}`).join("; ");
  return refuse("repositories_invalid", message, { remedy: faults[0]?.remedy ?? "mend them in the settings" });
}

/** Everything that reaches out of Pawl, as far as these settings declare it. */
export function connectorsOf(settings: Settings, { secretKey, sample }: Wired): Result<readonly Connector[]> {
  const repositories = repositoriesOf(settings, sample ?? []);
  if (!repositories.ok) return repositories;
  const git = gitConnector({
    repositories: repositories.value,
    workDir: join(settings.dataDir, "work", "git"),
    secretKey,
    clock,
    submitterIdentity: settings.commitIdentity,
    env: process.env,
  });
  const http = httpOf(settings, secretKey);
  const command = commandOf(settings, secretKey);
  if (!command.ok) return command;
  const sql = sqlOf(settings, secretKey);
  if (!sql.ok) return sql;
  const terraform = terraformOf(settings, secretKey);
  if (!terraform.ok) return terraform;
  return http.ok ? ok([git, http.value, command.value, ...sql.value, ...terraform.value]) : http;
}

/** None where no workspace is declared, likewise. */
function terraformOf({ dataDir, terraform }: Settings, secretKey: Uint8Array): Result<readonly Connector[]> {
  const workspaces = terraform.map(({ planEnv = [], applyEnv = [], variables = [], backendConfig = [], targets, planLock, ...rest }) => ({
    ...rest,
    planEnv,
    applyEnv,
    variables,
    backendConfig,
    allowTargets: targets === "allowed",
    planLock: planLock === "held",
  }));
  const faults = checkWorkspaces(workspaces);
  if (faults.length > 0) {
    const message = faults.map((f) => `${f.where ?? ""}: ${f.message}`).join("; ");
    return refuse("terraform_invalid", message, { remedy: faults[0]?.remedy ?? "mend them in the settings" });
  }
  const workDir = join(dataDir, "work", "terraform");
  return ok(
    workspaces.length === 0
      ? []
      : [terraformConnector({ workspaces, workDir, secretKey, clock, env: process.env, findSecrets: findSecretsInWords })],
  );
}

/** None where no database is declared: then its work can be left to a runner that has one. */
function sqlOf({ dataDir, databases }: Settings, secretKey: Uint8Array): Result<readonly Connector[]> {
  const faults = checkDatabases(databases);
  if (faults.length > 0) {
    const message = faults.map((f) => `${f.where ?? ""}: ${f.message}`).join("; ");
    return refuse("databases_invalid", message, { remedy: faults[0]?.remedy ?? "mend them in the settings" });
  }
  const workDir = join(dataDir, "work", "sql");
  const options = { databases, workDir, secretKey, clock, env: process.env, findSecrets: findSecretsInWords };
  return ok(databases.length === 0 ? [] : [sqlConnector(options)]);
}

function httpOf(settings: Settings, secretKey: Uint8Array): Result<Connector> {
  const declared = { credentials: settings.credentials, allowPrivate: settings.http.allowPrivate };
  const faults = checkHttp(declared);
  if (faults.length === 0) return ok(httpConnector({ ...declared, secretKey, random, findSecrets: findSecretsInWords, env: process.env }));
  const message = faults.map((f) => `${f.where ?? ""}: ${f.message}`).join("; ");
  return refuse("credentials_invalid", message, { remedy: faults[0]?.remedy ?? "mend them in the settings" });
}

function commandOf({ dataDir, command }: Settings, secretKey: Uint8Array): Result<Connector> {
  const [fault] = checkPrograms(command);
  if (fault !== undefined) return refuse("programs_invalid", `${fault.where ?? ""} ${fault.message}`, { remedy: fault.remedy ?? "" });
  const workDir = join(dataDir, "work", "command");
  return ok(commandConnector({ ...command, workDir, secretKey, findSecrets: findSecretsInWords, env: process.env }));
}
