import { fail, isDigest, isObject, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import type { Admitted } from "../../control/ports.ts";
import { Faults } from "../kit.ts";
import { claimOf } from "./claim.ts";
import { VARIABLE, isRepository, systemOf } from "./declare.ts";
import { isCommit } from "./payload.ts";
import type { TerraformInput, TerraformOptions, TerraformWorkspace, VariableValue } from "./types.ts";

export type AdmitCode =
  | "terraform_input_invalid"
  | "terraform_workspace_unknown"
  | "terraform_pin_refused"
  | "terraform_variable_refused"
  | "terraform_target_refused"
  | "terraform_secret"
  | "terraform_plan_refused";

const SHAPES = '{ workspace, commit? | archive?, variables?, targets?, destroy?, operation: "apply" } or { workspace, plan_json }';
const KEYS = new Set(["workspace", "commit", "archive", "variables", "targets", "destroy", "operation", "plan_json"]);
const MOST_TARGETS = 100;

type Workspaces = ReadonlyMap<string, TerraformWorkspace>;

/** Everything about an input that can be known without looking at a state. */
export async function admitInput(
  input: Json,
  workspaces: Workspaces,
  options: TerraformOptions,
): Promise<Result<Admitted, readonly Refusal[]>> {
  const read = readInput(input, workspaces);
  if (!read.ok) return read;
  const faults = new Faults<AdmitCode>();
  if (read.value.from === "configuration") await noSecrets(read.value.variables, options, faults);
  const kept = read.value.from === "configuration" ? ok(input as JsonObject) : keptClaim(read.value, options, faults);
  if (!kept.ok || faults.list.length > 0) return fail(faults.list);
  const workspace = workspaces.get(read.value.workspace);
  const system = workspace === undefined ? "" : systemOf(workspace);
  const targets = read.value.from === "configuration" ? read.value.targets : [];
  const resources = targets.length === 0 ? [`${system}#**`] : targets.map((target) => `${system}#${target.replaceAll("*", "?")}**`);
  return ok({ input: kept.value, names: { system, environment: workspace?.environment ?? "", resources } });
}

/** A plan that somebody brings is stored without its sensitive values, and without what no analysis needs. */
function keptClaim(input: TerraformInput & { from: "plan" }, options: TerraformOptions, faults: Faults<AdmitCode>): Result<JsonObject> {
  const claim = claimOf(input.plan, options.secretKey);
  if (claim.ok) return ok({ workspace: input.workspace, plan_json: claim.value });
  faults.add("terraform_plan_refused", claim.error.message, "input.plan_json", claim.error.remedy ?? "send the plan whole");
  return claim;
}

async function noSecrets(
  variables: Readonly<Record<string, VariableValue>>,
  options: TerraformOptions,
  faults: Faults<AdmitCode>,
): Promise<void> {
  for (const [name, value] of Object.entries(variables)) {
    const hits = (await options.findSecrets?.(`${name} = ${JSON.stringify(value)}`)) ?? [];
    for (const { rule } of hits)
      faults.add(
        "terraform_secret",
        `the variable ${name} holds what looks like a secret (${rule})`,
        `input.variables.${name}`,
        "let the operator hand it on by the environment, as TF_VAR_…; if it was ever real, replace it where it is used",
      );
  }
}

/** The input's shape and names. Also read again before each analysis: what is stored may have been declared otherwise since. */
export function readInput(input: Json, workspaces: Workspaces): Result<TerraformInput, readonly Refusal[]> {
  const faults = new Faults<AdmitCode>();
  if (!isObject(input)) {
    faults.add("terraform_input_invalid", "the input of a terraform step is not an object", "input", `send ${SHAPES}`);
    return fail(faults.list);
  }
  for (const key of Object.keys(input).filter((name) => !KEYS.has(name)))
    faults.add("terraform_input_invalid", `the member ${JSON.stringify(key.slice(0, 60))} is not known`, "input", `send ${SHAPES}`);
  const workspace = readWorkspace(input["workspace"], workspaces, faults);
  const read = input["plan_json"] === undefined ? readApply(input, workspace, faults) : readClaim(input, workspace, faults);
  return faults.list.length > 0 || read === undefined ? fail(faults.list) : ok(read);
}

function readWorkspace(value: Json | undefined, workspaces: Workspaces, faults: Faults<AdmitCode>): TerraformWorkspace | undefined {
  const known = [...workspaces.keys()].toSorted().join(", ") || "none is declared";
  if (typeof value !== "string")
    return faults.add("terraform_input_invalid", "`workspace` is not a string", "input.workspace", `name one that is declared: ${known}`);
  const found = workspaces.get(value);
  if (found !== undefined) return found;
  const message = `no workspace ${JSON.stringify(value.slice(0, 100))} is declared`;
  return faults.add("terraform_workspace_unknown", message, "input.workspace", `name one of: ${known}; an operator declares others`);
}

function readClaim(input: JsonObject, workspace: TerraformWorkspace | undefined, faults: Faults<AdmitCode>): TerraformInput | undefined {
  const others = Object.keys(input).filter((key) => KEYS.has(key) && key !== "workspace" && key !== "plan_json");
  if (others.length > 0)
    faults.add(
      "terraform_input_invalid",
      `plan_json stands beside ${others.join(", ")}`,
      "input.plan_json",
      "send it alone: it is never executed",
    );
  const plan = input["plan_json"] ?? null;
  if (typeof plan !== "string" && !isObject(plan))
    return faults.add("terraform_input_invalid", "`plan_json` is neither a text nor an object", "input.plan_json", `send ${SHAPES}`);
  const bytes = Buffer.from(typeof plan === "string" ? plan : JSON.stringify(plan));
  return workspace && { from: "plan", workspace: workspace.name, plan: bytes };
}

function readApply(input: JsonObject, workspace: TerraformWorkspace | undefined, faults: Faults<AdmitCode>): TerraformInput | undefined {
  if (input["operation"] !== "apply")
    faults.add("terraform_input_invalid", "`operation` is not apply", "input.operation", `send ${SHAPES}`);
  const { destroy = false } = input;
  if (typeof destroy !== "boolean")
    return faults.add("terraform_input_invalid", "`destroy` is neither true nor false", "input.destroy", `send ${SHAPES}`);
  const pin = readPin(input, workspace, faults);
  const variables = readVariables(input["variables"], workspace, faults);
  const targets = readTargets(input["targets"], workspace, faults);
  return workspace && { from: "configuration", workspace: workspace.name, variables, targets, destroy, ...(pin !== undefined && { pin }) };
}

function readPin(input: JsonObject, workspace: TerraformWorkspace | undefined, faults: Faults<AdmitCode>): string | undefined {
  if (workspace === undefined) return undefined;
  const [mine, other] = isRepository(workspace) ? (["commit", "archive"] as const) : (["archive", "commit"] as const);
  if (input[other] !== undefined)
    faults.add("terraform_pin_refused", `\`${other}\` does not fit the source of ${workspace.name}`, `input.${other}`, `give \`${mine}\``);
  const value = input[mine];
  if (value === undefined) return undefined;
  if (typeof value === "string" && (mine === "commit" ? isCommit(value) : isDigest(value))) return value;
  const remedy = mine === "commit" ? "give all 40 (or 64) lower-case hex digits" : "give sha256: and 64 lower-case hex digits";
  return faults.add("terraform_pin_refused", `\`${mine}\` does not name one content`, `input.${mine}`, remedy);
}

function readVariables(
  value: Json | undefined,
  workspace: TerraformWorkspace | undefined,
  faults: Faults<AdmitCode>,
): Readonly<Record<string, VariableValue>> {
  if (value === undefined || workspace === undefined) return {};
  if (!isObject(value)) {
    faults.add("terraform_input_invalid", "`variables` is not an object", "input.variables", `send ${SHAPES}`);
    return {};
  }
  const types = new Map(workspace.variables.map((entry) => VARIABLE.exec(entry)?.slice(1, 3) as [string, string]));
  const read: Record<string, VariableValue> = {};
  for (const [name, given] of Object.entries(value)) {
    const type = types.get(name);
    const where = `input.variables.${name.slice(0, 60)}`;
    const known = [...types.keys()].join(", ") || "none";
    if (type === undefined)
      faults.add("terraform_variable_refused", "this variable is not the proposer's to set", where, `those that are: ${known}`);
    else if (!isOfType(given, type))
      faults.add("terraform_variable_refused", `the variable ${name} is no ${type}`, where, `give a ${type}`);
    else read[name] = given;
  }
  return read;
}

function isOfType(value: Json, type: string): value is VariableValue {
  if (type === "string") return typeof value === "string" && value.length <= 10_000 && !/\0/.test(value) && value.isWellFormed();
  return type === "number" ? typeof value === "number" : typeof value === "boolean";
}

function readTargets(value: Json | undefined, workspace: TerraformWorkspace | undefined, faults: Faults<AdmitCode>): readonly string[] {
  if (value === undefined) return [];
  const fits = Array.isArray(value) && value.length > 0 && value.length <= MOST_TARGETS;
  if (!fits || !value.every((one) => typeof one === "string" && /^[A-Za-z_][^\p{Cc}]{0,999}$/u.test(one))) {
    faults.add(
      "terraform_target_refused",
      "`targets` is no list of addresses",
      "input.targets",
      "give addresses such as `module.web.aws_instance.a`",
    );
    return [];
  }
  if (workspace?.allowTargets === false)
    faults.add(
      "terraform_target_refused",
      `parts of ${workspace.name} may not be applied alone`,
      "input.targets",
      "propose the whole configuration, or ask the operator for allow_targets",
    );
  return (value as string[]).toSorted();
}
