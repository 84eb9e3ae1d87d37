import { readFile, rm, writeFile, mkdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { assert, isObject, ok, refuse } from "../../core/base/index.ts";
import type { Json, JsonObject, Result } from "../../core/base/index.ts";
import type { PlanAnalysis } from "./analyse-plan.ts";
import { handedOn, systemOf } from "./declare.ts";
import { scratch, sweep } from "../scratch.ts";
import type { KeptPlans } from "./folders.ts";
import { digestOfProviders, sameFetched, settleModules } from "./modules.ts";
import type { Fetched, KeptModules } from "./modules.ts";
import { faultOf, run, runTelling, sameProgram } from "./program.ts";
import type { Call, Outcome, Program } from "./program.ts";
import { cleanCopy } from "./source.ts";
import type { Sources, Start } from "./source.ts";
import { readState } from "./state.ts";
import type { StoredState } from "./state.ts";
import { analyseApart } from "./thread.ts";
import { whereaboutsOf } from "./whereabouts.ts";
import type { Whereabouts } from "./whereabouts.ts";
import type { Configuration, Recipe, TerraformOptions, TerraformWorkspace } from "./types.ts";

/** The declarations, opened: what every operation starts from. */
export interface Setup {
  readonly options: TerraformOptions;
  readonly workspaces: ReadonlyMap<string, TerraformWorkspace>;
  readonly programs: ReadonlyMap<string, Program | undefined>;
  readonly sources: Sources;
  /** Of each workspace. */
  readonly plans: ReadonlyMap<string, KeptPlans>;
  readonly modules: ReadonlyMap<string, KeptModules>;
}

/** Where programs that a configuration names are looked for. */
const PATH = "/usr/local/bin:/usr/bin:/bin";
const MIB = 1024 * 1024;

/** A clean copy of one configuration, with everything that Terraform needs to work in it, and nothing that another session left. */
export interface Session {
  readonly workspace: TerraformWorkspace;
  readonly configuration: Configuration;
  readonly root: string;
  /** Where the state is kept. */
  readonly whereabouts: Whereabouts;
  /** Modules that come from elsewhere than the configuration's own source. */
  readonly foreignModules: readonly string[];
  /** The configuration holds programs of providers, where Terraform looks for them by itself. */
  readonly ownProviders: boolean;
  /** The same, with each line of its output as it comes. */
  readonly telling: (args: readonly string[], onLine: (line: string) => void) => Promise<Outcome>;
  readonly terraform: (args: readonly string[], more?: Partial<Call>) => Promise<Outcome>;
  readonly scrub: (text: string) => string;
}

export function plansOf({ plans }: Setup, { name }: TerraformWorkspace): KeptPlans {
  const kept = plans.get(name);
  assert(kept !== undefined, "a declared workspace has a place for its plans");
  return kept;
}

function modulesOf({ modules }: Setup, { name }: TerraformWorkspace): KeptModules {
  const kept = modules.get(name);
  assert(kept !== undefined, "a declared workspace has a place for its modules");
  return kept;
}

/** `read` sees the variables to plan with, `write` those to apply with as well. */
export type Mode = "read" | "write";

/** Opens a session, does the work, and leaves nothing behind. */
export async function inSession<T>(
  setup: Setup,
  workspace: TerraformWorkspace,
  { start, mode }: { readonly start: Start; readonly mode: Mode },
  signal: AbortSignal,
  work: (session: Session) => Promise<Result<T>>,
): Promise<Result<T>> {
  if (signal.aborted) return refuse("terraform_timeout", "there is no time left", { remedy: "try again" });
  const program = sameProgram(workspace.binary, setup.programs.get(workspace.name));
  if (!program.ok) return program;
  await plansOf(setup, workspace).sweep(setup.options.clock.now());
  await modulesOf(setup, workspace).sweep(setup.options.clock.now());
  const runs = join(setup.options.workDir, "runs");
  await sweep(runs);
  const root = await scratch(runs);
  try {
    const copied = await cleanCopy(setup.sources, workspace, start, join(root, "source"), signal);
    if (!copied.ok) return copied;
    const session = await initialised(setup, workspace, program.value, { root, mode, start, configuration: copied.value }, signal);
    return session.ok ? await work(session.value) : session;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

interface Place {
  readonly root: string;
  readonly mode: Mode;
  readonly start: Start;
  readonly configuration: Configuration;
}

async function initialised(
  setup: Setup,
  workspace: TerraformWorkspace,
  program: Program,
  { root, mode, start, configuration: copied }: Place,
  signal: AbortSignal,
): Promise<Result<Session>> {
  const { options } = setup;
  const cwd = join(root, "source", workspace.dir);
  if ((await stat(cwd).catch(() => undefined))?.isDirectory() !== true)
    return refuse("terraform_dir_missing", `the configuration has no folder ${workspace.dir}`, { remedy: "check `dir` in the settings" });
  for (const folder of ["home", "tmp", "data"]) await mkdir(join(root, folder), { mode: 0o700 });
  await writeFile(join(root, "terraformrc"), "", { mode: 0o600 });
  const given = handedOn(mode === "read" ? workspace.planEnv : [...workspace.planEnv, ...workspace.applyEnv], options.env ?? process.env);
  const env = { ...given, ...ownEnv(workspace, root, cwd) };
  const hidden = Object.values(given).filter((value) => value.length >= 6);
  const session: Omit<Session, "configuration" | "foreignModules" | "ownProviders" | "whereabouts"> = {
    workspace,
    root,
    telling: (args, onLine) => runTelling({ program, args, cwd, env, signal }, root, onLine),
    terraform: (args, more) => run({ program, args, cwd, env, signal, ...more }),
    scrub: (text) => hidden.reduce((said, value) => said.replaceAll(value, "(not shown)"), text),
  };
  const begun = await begin(setup, session, start);
  if (!begun.ok) return begun;
  const configuration: Configuration = { kind: copied.kind, value: copied.value, ...begun.value };
  const lasting = await keepsItsState(root, workspace, options.secretKey);
  if (!lasting.ok) return lasting;
  const ownProviders = (await stat(join(cwd, "terraform.d", "plugins")).catch(() => undefined)) !== undefined;
  return ok({ ...session, configuration, whereabouts: lasting.value, ownProviders, foreignModules: await modulesFromElsewhere(root) });
}

/** The folder of its data is named from where it works, for modules' paths are values: in each session they are the same. */
const ownEnv = (workspace: TerraformWorkspace, root: string, cwd: string): Readonly<Record<string, string>> => ({
  PATH,
  HOME: join(root, "home"),
  TMPDIR: join(root, "tmp"),
  LANG: "C.UTF-8",
  TF_IN_AUTOMATION: "1",
  TF_INPUT: "0",
  TF_WORKSPACE: workspace.workspace,
  TF_DATA_DIR: relative(cwd, join(root, "data")),
  TF_CLI_CONFIG_FILE: join(root, "terraformrc"),
  CHECKPOINT_DISABLE: "1",
});

/** What was approved begins with what was fetched for it then, or not at all. Nothing of a module or a provider has run by now. */
async function begin(
  setup: Setup,
  { workspace, root, terraform, scrub }: Pick<Session, "workspace" | "root" | "terraform" | "scrub">,
  start: Start,
): Promise<Result<Fetched>> {
  const kept = modulesOf(setup, workspace);
  const earlier = start.from === "proposal" ? undefined : start.configuration;
  const data = join(root, "data");
  if (earlier?.modules !== undefined) await kept.place(earlier.modules, join(data, "modules"));
  const done = await terraform(initArgs(workspace));
  if (done.kind !== "exit" || done.code !== 0) return faultOf(done, "the configuration cannot be initialised", scrub);
  const modules = await settleModules(data);
  if (!modules.ok) return modules;
  const providers = await digestOfProviders(join(data, "providers"));
  const found: Fetched = { ...(modules.value && { modules: modules.value }), ...(providers && { providers }) };
  const same = start.from === "known" ? sameFetched(start.configuration, found) : ok(undefined);
  if (!same.ok) return same;
  if (found.modules !== undefined) await kept.keep(found.modules, join(data, "modules"), setup.options.clock.now());
  return ok(found);
}

const initArgs = (workspace: TerraformWorkspace): readonly string[] => [
  "init",
  "-input=false",
  "-no-color",
  "-lockfile=readonly",
  ...(workspace.pluginDir === undefined ? [] : [`-plugin-dir=${workspace.pluginDir}`]),
  ...workspace.backendConfig.map((entry) => `-backend-config=${entry}`),
];

/** A state in the clean copy would be thrown away with it; one that a service works on is planned elsewhere, with its credentials. */
async function keepsItsState(root: string, workspace: TerraformWorkspace, key: Uint8Array): Promise<Result<Whereabouts>> {
  const read = await readJson(join(root, "data", "terraform.tfstate"));
  const backend = isObject(read) && isObject(read["backend"]) ? read["backend"] : undefined;
  const type = backend?.["type"];
  const config: JsonObject = isObject(backend?.["config"]) ? backend["config"] : {};
  const remedy = 'declare a backend that lasts, such as `backend "local" { path = "/srv/…" }` with an absolute path';
  if (typeof type !== "string")
    return refuse("terraform_state_not_kept", "the configuration declares no backend, so its state would be lost", { remedy });
  if (type === "inmem") return refuse("terraform_state_not_kept", "the backend inmem forgets its state", { remedy });
  if (type === "cloud" || type === "remote")
    return refuse("terraform_backend_unsupported", `the backend ${type} plans and applies elsewhere`, { remedy });
  const whereabouts = whereaboutsOf(type, config, key);
  if (type !== "local") return ok(whereabouts);
  // Where the states of workspaces other than the default one lie, is said apart.
  const path = config[workspace.workspace === "default" ? "path" : "workspace_dir"];
  return typeof path === "string" && path.startsWith("/")
    ? ok(whereabouts)
    : refuse("terraform_state_not_kept", "the state's path is relative, so it would be lost with the copy", { remedy });
}

async function modulesFromElsewhere(root: string): Promise<readonly string[]> {
  const read = await readJson(join(root, "data", "modules", "modules.json"));
  const modules = isObject(read) && Array.isArray(read["Modules"]) ? read["Modules"] : [];
  return modules
    .filter(isObject)
    .flatMap(({ Key, Source }) =>
      typeof Source === "string" && Source !== "" && !/^\.\.?\//.test(Source) ? [typeof Key === "string" ? Key : Source] : [],
    );
}

async function readJson(path: string): Promise<Json | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Json;
  } catch {
    return undefined;
  }
}

export async function pullState(setup: Setup, session: Session, signal?: AbortSignal): Promise<Result<StoredState>> {
  const pulled = await session.terraform(["state", "pull"], { maxBytes: 512 * MIB, ...(signal && { signal }) });
  if (pulled.kind !== "exit" || pulled.code !== 0) return faultOf(pulled, "the state cannot be read", session.scrub);
  return readState(pulled.stdout, setup.options.secretKey);
}

export interface Planned {
  readonly analysis: PlanAnalysis;
  readonly file: string;
}

/** Makes a plan and reads it. An exit that is no error is not believed alone: what the plan says of itself counts as well. */
export async function makePlan(setup: Setup, session: Session, recipe: Recipe): Promise<Result<Planned>> {
  const file = join(session.root, "plan");
  await rm(file, { force: true });
  const done = await session.terraform([
    "plan",
    ...common(session.workspace, session.workspace.planLock),
    "-detailed-exitcode",
    `-out=${file}`,
    ...(recipe.destroy ? ["-destroy"] : []),
    ...recipe.targets.map((target) => `-target=${target}`),
    ...Object.entries(recipe.variables).map(([name, value]) => `-var=${name}=${String(value)}`),
  ]);
  if (done.kind !== "exit" || (done.code !== 0 && done.code !== 2)) return faultOf(done, "there is no plan", session.scrub);
  const analysis = await showPlan(setup, session, file);
  return analysis.ok ? ok({ analysis: analysis.value, file }) : analysis;
}

export async function showPlan(setup: Setup, session: Session, file: string): Promise<Result<PlanAnalysis>> {
  const shown = await session.terraform(["show", "-json", "-no-color", file], { maxBytes: 400 * MIB });
  if (shown.kind !== "exit" || shown.code !== 0) return faultOf(shown, "the plan cannot be read", session.scrub);
  const { workspace } = session;
  return analyseApart({
    bytes: shown.stdout,
    system: systemOf(workspace),
    environment: workspace.environment,
    provenance: "derived",
    secretKey: setup.options.secretKey,
  });
}

export const common = (workspace: TerraformWorkspace, lock: boolean): readonly string[] => [
  "-input=false",
  "-no-color",
  lock ? "-lock=true" : "-lock=false",
  ...(lock ? [`-lock-timeout=${workspace.lockTimeoutSeconds}s`] : []),
  `-parallelism=${workspace.parallelism}`,
];
