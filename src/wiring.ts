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
import { millis, ok, refuse, type Refusal, type Result } from "./core/base/index.ts";
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

/** What each connector is made of. */
interface Making extends Wired {
  readonly settings: Settings;
  /** A folder of its own. */
  readonly workDir: (name: string) => string;
}

/** A connector as far as these settings declare it. None where nothing is declared: then its work can be left to a runner that has it. */
type Make = (making: Making) => Result<Connector | undefined>;

/** What every connector gets that reads words of proposers. */
const scanning = { findSecrets: findSecretsInWords, env: process.env };

const git: Make = ({ settings, secretKey, sample, workDir }) => {
  const repositories = repositoriesOf(settings, sample ?? []);
  if (!repositories.ok) return repositories;
  const submitterIdentity = settings.commitIdentity;
  return ok(
    gitConnector({
      repositories: repositories.value,
      workDir: workDir("git"),
      secretKey,
      clock,
      submitterIdentity,
      env: process.env,
    }),
  );
};

const http: Make = ({ settings, secretKey }) => {
  const declared = { credentials: settings.credentials, allowPrivate: settings.http.allowPrivate };
  const fault = faultIn("credentials_invalid", checkHttp(declared));
  return fault ?? ok(httpConnector({ ...declared, ...scanning, secretKey, random }));
};

const command: Make = ({ settings, secretKey, workDir }) => {
  const fault = faultIn("programs_invalid", checkPrograms(settings.command));
  return fault ?? ok(commandConnector({ ...settings.command, ...scanning, workDir: workDir("command"), secretKey }));
};

const sql: Make = ({ settings: { databases }, secretKey, workDir }) => {
  const fault = faultIn("databases_invalid", checkDatabases(databases));
  if (fault !== undefined || databases.length === 0) return fault ?? ok(undefined);
  return ok(sqlConnector({ ...scanning, databases, workDir: workDir("sql"), secretKey, clock }));
};

const terraform: Make = ({ settings, secretKey, workDir }) => {
  const workspaces = settings.terraform.map(
    ({ planEnv = [], applyEnv = [], variables = [], backendConfig = [], targets, planLock, ...rest }) => ({
      ...rest,
      planEnv,
      applyEnv,
      variables,
      backendConfig,
      allowTargets: targets === "allowed",
      planLock: planLock === "held",
    }),
  );
  const fault = faultIn("terraform_invalid", checkWorkspaces(workspaces));
  if (fault !== undefined || workspaces.length === 0) return fault ?? ok(undefined);
  return ok(terraformConnector({ ...scanning, workspaces, workDir: workDir("terraform"), secretKey, clock }));
};

/** Every connector there is: another one is made like these, and stands here. */
const CONNECTORS: readonly Make[] = [git, http, command, sql, terraform];

/** Everything that reaches out of Pawl, as far as these settings declare it. */
export function connectorsOf(settings: Settings, wired: Wired): Result<readonly Connector[]> {
  const connectors: Connector[] = [];
  for (const make of CONNECTORS) {
    const made = make({ ...wired, settings, workDir: (name) => join(settings.dataDir, "work", name) });
    if (!made.ok) return made;
    if (made.value !== undefined) connectors.push(made.value);
  }
  return ok(connectors);
}

export function repositoriesOf(settings: Settings, sample: readonly GitRepository[]): Result<readonly GitRepository[]> {
  const repositories = [...settings.repositories, ...sample];
  return faultIn("repositories_invalid", checkRepositories(repositories)) ?? ok(repositories);
}

/** Everything that is wrong with what the operator declared, as one refusal. */
function faultIn(code: string, faults: readonly Refusal[]): Result<never> | undefined {
  if (faults.length === 0) return undefined;
  const message = faults.map((fault) => `${fault.where ?? ""}: ${fault.message}`).join("; ");
  return refuse(code, message, { remedy: faults[0]?.remedy ?? "mend them in the settings" });
}
