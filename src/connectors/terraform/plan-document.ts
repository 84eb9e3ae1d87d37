import { fail, isObject, ok, openForeign } from "../../core/base/index.ts";
import type { ForeignDocument, Json, Refusal, Result } from "../../core/base/index.ts";

export type PlanCode =
  | "terraform_plan_unreadable"
  | "terraform_plan_format"
  | "terraform_plan_errored"
  | "terraform_plan_incomplete"
  | "terraform_plan_not_applyable"
  | "terraform_plan_malformed";

/** What Terraform says it will do with one object. */
export interface Change {
  readonly actions: readonly Action[];
  readonly before: Json;
  readonly after: Json;
  readonly unknown: Json;
  /** Absent where the plan does not say what is sensitive. */
  readonly sensitive?: { readonly before: Json; readonly after: Json };
  /** Attributes that force a replacement. */
  readonly forcing: readonly string[];
  readonly importing?: Json;
}

export type Action = "no-op" | "create" | "read" | "update" | "delete" | "forget";
const ACTIONS: ReadonlySet<string> = new Set<Action>(["no-op", "create", "read", "update", "delete", "forget"]);

export interface ResourceChange {
  readonly address: string;
  readonly type: string;
  readonly mode: string;
  readonly previousAddress?: string;
  readonly deposed?: string;
  readonly reason?: string;
  readonly change: Change;
}

export interface OutputChange {
  readonly name: string;
  readonly change: Change;
}

export interface Check {
  readonly address: string;
  readonly status: string;
}

export interface PlanDocument {
  readonly format: string;
  readonly version: string;
  readonly resources: readonly ResourceChange[];
  readonly drift: readonly ResourceChange[];
  readonly outputs: readonly OutputChange[];
  readonly checks: readonly Check[];
  /** Addresses of actions that providers run beside the resources. */
  readonly actions: readonly string[];
  /** Changes that Terraform put off to a later plan. */
  readonly deferred: number;
  /** Addresses, without indexes, of resources that run programs when they are made or destroyed. */
  readonly provisioned: ReadonlySet<string>;
  /** Variables of which the configuration says that their values are not to be seen or stored. */
  readonly secretVariables: readonly string[];
  readonly complete: boolean;
  readonly applyable: boolean;
}

/** Bytes are looked through without becoming text. */
function isIn(bytes: Uint8Array | undefined, text: string): boolean {
  return bytes !== undefined && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text);
}

const malformed = (what: string): { readonly ok: false; readonly error: Refusal<PlanCode> } =>
  fail({ code: "terraform_plan_malformed", message: `the plan is not as Terraform writes one: ${what}`, remedy: REMEDY });
const REMEDY = "hand in what `terraform show -json PLANFILE` prints, whole";

const text = (value: Json | undefined): string | undefined => (typeof value === "string" ? value : undefined);

const unreadable = (error: Refusal): { readonly ok: false; readonly error: Refusal<PlanCode> } =>
  fail({ code: "terraform_plan_unreadable", message: `the plan cannot be read: ${error.message}`, remedy: REMEDY });

export interface OpenedPlan {
  readonly document: ForeignDocument;
  readonly plan: PlanDocument;
}

/** Reads the parts of a plan that say what will happen; the rest is not even built. */
export function readPlan(source: Uint8Array): Result<OpenedPlan, Refusal<PlanCode>> {
  const document = openForeign(source);
  if (!document.ok) return unreadable(document.error);
  const plan = readOpened(document.value);
  return plan.ok ? ok({ document: document.value, plan: plan.value }) : plan;
}

const PARTS = [
  "format_version",
  "terraform_version",
  "resource_changes",
  "resource_drift",
  "output_changes",
  "checks",
  "action_invocations",
  "deferred_changes",
  "errored",
  "complete",
  "applyable",
] as const;
type Parts = Partial<Record<(typeof PARTS)[number], Json>>;

function readOpened(document: ForeignDocument): Result<PlanDocument, Refusal<PlanCode>> {
  const parts: Parts = {};
  for (const name of PARTS) {
    const read = document.read(name);
    if (!read.ok) return unreadable(read.error);
    if (read.value !== undefined) parts[name] = read.value;
  }
  const form = formatFault(document, parts);
  if (form !== undefined) return fail(form);
  // Only where there is one: the configuration is much of a plan.
  const raw = document.raw("configuration");
  const telling = ['"provisioners"', '"sensitive"'].some((word) => isIn(raw, word));
  const configured = telling ? document.read("configuration") : ok(undefined);
  if (!configured.ok) return unreadable(configured.error);
  const lists = readLists(parts);
  if (!lists.ok) return lists;
  return ok({
    format: text(parts.format_version) ?? "",
    version: text(parts.terraform_version) ?? "unknown",
    ...lists.value,
    provisioned: provisionedIn(configured.value),
    secretVariables: secretVariablesIn(configured.value),
    complete: parts.complete !== false,
    applyable: parts.applyable !== false,
  });
}

function formatFault(document: ForeignDocument, parts: Parts): Refusal<PlanCode> | undefined {
  const format = text(parts.format_version);
  if (format === undefined)
    return { code: "terraform_plan_format", message: "the document does not say which format of a plan it has", remedy: REMEDY };
  if (!/^(0\.[12]|1\.\d{1,3})$/.test(format)) {
    const message = `the format ${JSON.stringify(format.slice(0, 20))} of the plan is not known; 0.1, 0.2 and 1.x are`;
    return { code: "terraform_plan_format", message, remedy: "make the plan with a Terraform or OpenTofu that is known here" };
  }
  if (!document.names.includes("planned_values") && parts.resource_changes === undefined)
    return { code: "terraform_plan_format", message: "the document is no plan: it may be a state", remedy: REMEDY };
  if (parts.errored === true) {
    const message = "Terraform wrote this plan although planning failed";
    return { code: "terraform_plan_errored", message, remedy: "mend what `terraform plan` complains about, and propose again" };
  }
  return undefined;
}

function secretVariablesIn(configuration: Json | undefined): readonly string[] {
  const root = isObject(configuration) ? configuration["root_module"] : undefined;
  const variables = isObject(root) && isObject(root["variables"]) ? root["variables"] : {};
  return Object.entries(variables).flatMap(([name, one]) => (isObject(one) && one["sensitive"] === true ? [name] : []));
}

type Lists = Pick<PlanDocument, "resources" | "drift" | "outputs" | "checks" | "actions" | "deferred">;

function readLists(parts: Parts): Result<Lists, Refusal<PlanCode>> {
  const resources = resourcesOf(parts.resource_changes, "resource_changes");
  if (!resources.ok) return resources;
  const drift = resourcesOf(parts.resource_drift, "resource_drift");
  if (!drift.ok) return drift;
  const outputs: OutputChange[] = [];
  if (parts.output_changes !== undefined && !isObject(parts.output_changes)) return malformed("output_changes is no object");
  for (const [name, raw] of Object.entries(parts.output_changes ?? {})) {
    const change = changeOf(raw);
    if (change === undefined) return malformed(`the output ${JSON.stringify(name.slice(0, 80))} has no change`);
    outputs.push({ name, change });
  }
  const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
  return ok({
    resources: resources.value,
    drift: drift.value,
    outputs,
    checks: list(parts.checks).flatMap(checkOf),
    actions: list(parts.action_invocations).map((raw) => (isObject(raw) ? text(raw["address"]) : undefined) ?? "an action without a name"),
    deferred: list(parts.deferred_changes).length,
  });
}

function checkOf(raw: Json): readonly Check[] {
  if (!isObject(raw)) return [];
  const address = isObject(raw["address"]) ? text(raw["address"]["to_display"]) : undefined;
  return [{ address: address ?? "a check without a name", status: text(raw["status"]) ?? "unknown" }];
}

function resourcesOf(raw: Json | undefined, where: string): Result<readonly ResourceChange[], Refusal<PlanCode>> {
  if (raw === undefined || raw === null) return ok([]);
  if (!Array.isArray(raw)) return malformed(`${where} is no list`);
  const resources: ResourceChange[] = [];
  for (const [i, one] of raw.entries()) {
    const read = resourceOf(one);
    if (read === undefined) return malformed(`${where}[${i}] is not the change of a resource`);
    resources.push(read);
  }
  return ok(resources);
}

function resourceOf(raw: Json): ResourceChange | undefined {
  if (!isObject(raw)) return undefined;
  const [address, type, previous, deposed, reason] = ["address", "type", "previous_address", "deposed", "action_reason"].map((name) =>
    text(raw[name]),
  );
  const change = changeOf(raw["change"]);
  if (address === undefined || address === "" || address.length > 4_000 || type === undefined || change === undefined) return undefined;
  return {
    address,
    type,
    mode: text(raw["mode"]) ?? "managed",
    change,
    ...(previous !== undefined && { previousAddress: previous }),
    ...(deposed !== undefined && { deposed }),
    ...(reason !== undefined && { reason }),
  };
}

function changeOf(raw: Json | undefined): Change | undefined {
  if (!isObject(raw)) return undefined;
  const { actions, before, after, after_unknown, before_sensitive, after_sensitive, replace_paths, importing } = raw;
  if (!Array.isArray(actions) || actions.length === 0 || actions.some((action) => typeof action !== "string" || !ACTIONS.has(action)))
    return undefined;
  const said = before_sensitive !== undefined || after_sensitive !== undefined;
  return {
    actions: actions as Action[],
    before: before ?? null,
    after: after ?? null,
    unknown: after_unknown ?? false,
    ...(said && { sensitive: { before: before_sensitive ?? false, after: after_sensitive ?? false } }),
    forcing: Array.isArray(replace_paths) ? replace_paths.map(pathOf) : [],
    ...(isObject(importing) && { importing }),
  };
}

const pathOf = (path: Json): string =>
  Array.isArray(path) ? path.reduce<string>((at, step) => below(at, step as string | number), "") : "";

/** `ingress[0].cidr_blocks`, as Terraform writes paths. */
export function below(at: string, step: string | number): string {
  if (typeof step === "number") return `${at}[${step}]`;
  if (!/^[A-Za-z_][\w-]*$/.test(step)) return `${at}[${JSON.stringify(step)}]`;
  return at === "" ? step : `${at}.${step}`;
}

/** The address of a resource as its configuration has it, for all of its instances. */
export const withoutIndexes = (address: string): string => address.replace(/\[(?:"(?:[^"\\]|\\.)*"|\d+)\]/g, "");

function provisionedIn(configuration: Json | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (module: Json | undefined, prefix: string): void => {
    if (!isObject(module)) return;
    for (const resource of Array.isArray(module["resources"]) ? module["resources"] : []) {
      if (isObject(resource) && Array.isArray(resource["provisioners"])) found.add(`${prefix}${text(resource["address"]) ?? ""}`);
    }
    for (const [name, call] of Object.entries(isObject(module["module_calls"]) ? module["module_calls"] : {}))
      if (isObject(call)) visit(call["module"], `${prefix}module.${name}.`);
  };
  if (isObject(configuration)) visit(configuration["root_module"], "");
  return found;
}
