/** Connector `terraform`: plans here, keeps the plan, and applies that plan and nothing else. Its rules are in docs/spec/terraform.md. */
import { join, resolve } from "node:path";
import type { Analysed, Connector, PerformFault, Performed, RunLimits } from "../../control/ports.ts";
import { assert, digestJson, fail, ok, refuse } from "../../core/base/index.ts";
import type { Json, Result } from "../../core/base/index.ts";
import { REMOTE_ENV, deadline, pathOf, remoteEnv } from "../kit.ts";
import { admitInput, readInput } from "./admit.ts";
import { checkWorkspaces, isRepository, sourcesOf } from "./declare.ts";
import { applyPayload, undoPayload, verifyPayload } from "./execute.ts";
import type { Execution } from "./execute.ts";
import { KeptPlans } from "./folders.ts";
import { KeptModules } from "./modules.ts";
import { observePayload } from "./observe.ts";
import { decodePayload } from "./payload.ts";
import { describeClaim, planApply } from "./planning.ts";
import { findProgram } from "./program.ts";
import type { Setup } from "./session.ts";
import type { TerraformOptions, TerraformWorkspace } from "./types.ts";

export { checkWorkspaces } from "./declare.ts";
export type { TerraformOptions, TerraformWorkspace } from "./types.ts";

/** Raised with every change to what the connector derives or does. */
const VERSION = 2;

export function terraformConnector(options: TerraformOptions): Connector {
  const faults = checkWorkspaces(options.workspaces);
  assert(faults.length === 0, `the workspaces were checked when they were read: ${faults[0]?.message ?? ""}`);
  const setup = opened(options);
  const { workspaces } = setup;
  const names = (pick: "planEnv" | "applyEnv"): readonly string[] =>
    [...new Set(options.workspaces.flatMap((one) => sourcesOf(one[pick])))].toSorted();
  return {
    name: "terraform",
    digest: digestJson({
      connector: "terraform",
      version: VERSION,
      workspaces: options.workspaces.map((one) => JSON.parse(JSON.stringify(one)) as Record<string, unknown>),
      programs: options.workspaces.map(({ name }) => setup.programs.get(name)?.digest ?? "absent"),
    }),
    needs: {
      read: [...names("planEnv"), ...(options.workspaces.some(isRepository) ? REMOTE_ENV : [])],
      write: names("applyEnv"),
    },
    admit: (input) => admitInput(input, workspaces, options),
    analyse: (input, run) => analyse(setup, input, run),
    observe: async (bytes, run) => {
      const at = execution(setup, bytes, run);
      return at.ok ? observePayload(setup, at.value.workspace, at.value.payload, bytes, at.value.signal) : at;
    },
    apply: (bytes, expected, run) => write(setup, bytes, run, (at) => applyPayload(at, expected)),
    verify: async (bytes, _, run) => {
      const at = execution(setup, bytes, run);
      return at.ok ? verifyPayload(at.value) : at;
    },
    undo: (bytes, performed, run) => write(setup, bytes, run, (at) => undoPayload(at, performed)),
  };
}

function opened(options: TerraformOptions): Setup {
  const env = options.env ?? process.env;
  const path = pathOf(env);
  const workDir = resolve(options.workDir);
  // A program that several workspaces name is read once.
  const found = new Map([...new Set(options.workspaces.map(({ binary }) => binary))].map((binary) => [binary, findProgram(binary, path)]));
  return {
    options: { ...options, workDir },
    workspaces: new Map(options.workspaces.map((one) => [one.name, one])),
    programs: new Map(options.workspaces.map(({ name, binary }) => [name, found.get(binary)])),
    sources: { workDir, env: { ...remoteEnv(env), PATH: path }, clock: options.clock },
    plans: new Map(options.workspaces.map((one) => [one.name, plansIn(workDir, one, options.secretKey)])),
    modules: new Map(
      options.workspaces.map(({ name, planLifetimeSeconds }) => [
        name,
        new KeptModules(join(workDir, "modules", name), planLifetimeSeconds),
      ]),
    ),
  };
}

const plansIn = (workDir: string, { name, planLifetimeSeconds }: TerraformWorkspace, key: Uint8Array): KeptPlans =>
  new KeptPlans(join(workDir, "plans", name), key, planLifetimeSeconds);

async function analyse(setup: Setup, input: Json, run: RunLimits): Promise<Result<Analysed>> {
  const read = readInput(input, setup.workspaces);
  if (!read.ok) return fail(read.error[0] ?? { code: "terraform_input_invalid", message: "the input is not a terraform step" });
  const workspace = setup.workspaces.get(read.value.workspace);
  assert(workspace !== undefined, "an input that was read names a declared workspace");
  const signal = deadline(run);
  if (signal.aborted) return refuse("terraform_timeout", "there is no time left", { remedy: "try again" });
  return read.value.from === "plan" ? describeClaim(setup, workspace, read.value.plan) : planApply(setup, workspace, read.value, signal);
}

async function write(
  setup: Setup,
  bytes: Uint8Array,
  run: RunLimits,
  work: (at: Execution) => Promise<Result<Performed, PerformFault>>,
): Promise<Result<Performed, PerformFault>> {
  // Time is left to stop an apply, and to see what it did.
  const reserve = Math.min(25_000, run.timeoutMillis / 3);
  const at = execution(setup, bytes, { ...run, timeoutMillis: Math.max(1, Math.floor(run.timeoutMillis - reserve)) });
  return at.ok ? work(at.value) : fail({ ...at.error, effect: "none" });
}

/** What an operation on a payload works with, if this deployment still declares what the payload names. */
function execution(setup: Setup, bytes: Uint8Array, run: RunLimits): Result<Execution> {
  const decoded = decodePayload(bytes);
  if (!decoded.ok) return decoded;
  const payload = decoded.value;
  const workspace = setup.workspaces.get(payload.workspace);
  if (workspace === undefined)
    return refuse("terraform_workspace_unknown", `the workspace ${payload.workspace} is not declared here`, {
      remedy: "declare it, or plan the change again",
    });
  if (setup.programs.get(payload.workspace)?.digest !== payload.program.digest)
    return refuse("terraform_changed", "the plan was made by another program than is here", { remedy: "plan the change again" });
  return ok({ setup, workspace, payload, bytes, signal: deadline(run), progress: run.progress });
}
