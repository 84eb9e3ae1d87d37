import { UNLISTED } from "../../core/plan/index.ts";
import type { Effect, Finding } from "../../core/plan/index.ts";
import { isObject } from "../../core/base/index.ts";
import type { Json } from "../../core/base/index.ts";
import { givesRights, isStateful } from "./kinds.ts";
import type { Done, EffectContext } from "./effects.ts";
import { doingOf } from "./effects.ts";
import { sameJson } from "./fields.ts";
import { withoutIndexes } from "./plan-document.ts";
import type { PlanDocument, ResourceChange } from "./plan-document.ts";
import { shownText } from "./shown.ts";

/** Of one sort; what is beyond is counted. */
const MOST = 500;

/** What is remarkable in a plan, by kinds and attributes' names. It finds what it knows: what it does not find may be there. */
export function findingsOf(document: PlanDocument, done: readonly Done[], unlisted: number, context: EffectContext): readonly Finding[] {
  const at = (address: string): string => `${context.system}#${shownText(address)}`;
  const finding = (code: string, severity: Finding["severity"], message: string, address?: string, remedy?: string): Finding => ({
    code: `terraform.${code}`,
    severity,
    message: context.hidden.scrub(shownText(message)),
    provenance: "derived",
    ...(address !== undefined && { resource: at(address) }),
    ...(remedy !== undefined && { remedy }),
  });
  const found = done.flatMap(({ resource, doing }) => [
    ...destroyed(resource, doing, finding),
    ...exposed(resource, doing, finding),
    ...widened(resource, doing, finding),
    ...runs(resource, doing, document, finding),
  ]);
  return [
    ...bounded(found, finding),
    ...bounded(
      document.drift.flatMap((one) => drifted(one, finding)),
      finding,
    ),
    ...document.checks
      .filter(({ status }) => status === "fail" || status === "error")
      .slice(0, MOST)
      .map(({ address }) =>
        finding("check_failed", "warning", `The check ${address} fails in this plan`, undefined, "find out why before this is applied"),
      ),
    ...(document.deferred > 0
      ? [finding("deferred", "warning", `${document.deferred} changes are put off: another plan will be needed`)]
      : []),
    ...(unlisted > 0
      ? [
          finding(
            "unlisted",
            "danger",
            `${unlisted} effects are not listed one by one: the plan is too large`,
            undefined,
            "split the change so that people can read it",
          ),
        ]
      : []),
    ...(document.resources.some(({ change }) => change.sensitive === undefined)
      ? [finding("sensitivity_unknown", "info", "The plan does not say which values are sensitive, so texts are not shown")]
      : []),
  ];
}

type Make = (code: string, severity: Finding["severity"], message: string, address?: string, remedy?: string) => Finding;

function bounded(found: readonly Finding[], finding: Make): readonly Finding[] {
  const counts = new Map<string, number>();
  const kept = found.filter(({ code }) => {
    const count = (counts.get(code) ?? 0) + 1;
    counts.set(code, count);
    return count <= MOST;
  });
  const more = [...counts].filter(([, count]) => count > MOST);
  return [
    ...kept,
    ...more.map(([code, count]) =>
      finding(code.slice("terraform.".length), "danger", `and ${count - MOST} more like it, which are not listed`),
    ),
  ];
}

function destroyed({ address, type }: ResourceChange, doing: Done["doing"], finding: Make): readonly Finding[] {
  if (doing === "forget")
    return [finding("forgets", "warning", `${type} leaves the state and stays where it is: nobody manages it afterwards`, address)];
  if ((doing !== "delete" && doing !== "replace") || !isStateful(type)) return [];
  const remedy = "keep it, or say in the change where what it holds was saved";
  return [finding("destroys_data", "danger", `${type} holds what cannot be made again, and is destroyed`, address, remedy)];
}

type Look = (path: readonly string[], value: Json) => string | undefined;

/** The first thing that is found in a leaf of `after` which `before` does not have at the same place. `path` is as long as it lasts. */
function inNewLeaves(before: Json | undefined, after: Json | undefined, look: Look, path: string[] = []): string | undefined {
  if (after === null || after === undefined || after === before) return undefined;
  if (typeof after !== "object") return look(path, after);
  if (Array.isArray(after)) {
    // A list's elements move: what stood anywhere in it is not new.
    const earlier = Array.isArray(before) ? before : [];
    return first(after, (member) =>
      earlier.some((one) => sameJson(one, member)) ? undefined : inNewLeaves(undefined, member, look, path),
    );
  }
  const earlier = isObject(before) ? before : {};
  for (const name of Object.keys(after)) {
    if (earlier[name] === after[name]) continue;
    path.push(name);
    const found = inNewLeaves(earlier[name], after[name], look, path);
    path.pop();
    if (found !== undefined) return found;
  }
  return undefined;
}

function first<T>(items: readonly T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

const EVERYWHERE = new Set(["0.0.0.0/0", "::/0"]);
const ANYBODY = new Set(["allUsers", "allAuthenticatedUsers"]);
const PUBLIC_ACL = new Set(["public-read", "public-read-write", "authenticated-read", "blob", "container"]);
const OPENING =
  /^(publicly_accessible|public_network_access_enabled|allow_blob_public_access|allow_nested_items_to_be_public|associate_public_ip_address|map_public_ip_on_launch)$/;
const CLOSING = /^(block_public_acls|block_public_policy|ignore_public_acls|restrict_public_buckets|public_access_prevention_enforced)$/;

function exposed({ address, type, change }: ResourceChange, doing: Done["doing"], finding: Make): readonly Finding[] {
  if (doing === "delete" && type.endsWith("public_access_block"))
    return [finding("public_exposure", "danger", "What keeps the public out is destroyed", address)];
  if (doing !== "create" && doing !== "update" && doing !== "replace") return [];
  const outward = isObject(change.after) && (change.after["type"] === "egress" || change.after["direction"] === "EGRESS");
  const outwards = outward || /route(_table)?$|nat_|egress/.test(type);
  const why = inNewLeaves(change.before, change.after, (path, value) => exposure(path, value, outwards));
  return why === undefined ? [] : [finding("public_exposure", "danger", why, address, "name who needs to reach it")];
}

function exposure(path: readonly string[], value: Json, outward: boolean): string | undefined {
  // Of a value first: most say nothing, and a name is looked at for those that might.
  if (typeof value === "boolean") return opening(path.at(-1) ?? "", value);
  if (typeof value !== "string") return undefined;
  if (EVERYWHERE.has(value))
    return outward || path.includes("egress") ? undefined : `It lets in the whole internet (${path.join(".")} gets ${value})`;
  if (ANYBODY.has(value)) return `It is opened to ${value} (${path.join(".")})`;
  const name = path.at(-1) ?? "";
  return PUBLIC_ACL.has(value) && /^(acl|container_access_type|canned_acl)$/.test(name)
    ? `It becomes public (${name} is ${value})`
    : undefined;
}

function opening(name: string, value: boolean): string | undefined {
  if (value) return OPENING.test(name) ? `It can be reached from the internet (${name})` : undefined;
  return CLOSING.test(name) ? `What keeps the public out is switched off (${name})` : undefined;
}

const OWNER = /(AdministratorAccess|PowerUserAccess|IAMFullAccess|^roles\/(owner|editor)$|^Owner$|^Contributor$|^cluster-admin$)/;
const POLICY_NAME = /(policy|policies|inline_policy|assume_role_policy)/;

function widened({ address, type, change }: ResourceChange, doing: Done["doing"], finding: Make): readonly Finding[] {
  if (!givesRights(type) && !POLICY_NAME.test(type)) return [];
  if (doing !== "create" && doing !== "update" && doing !== "replace") return [];
  const why = inNewLeaves(change.before, change.after, (path, value) => {
    if (typeof value !== "string") return undefined;
    const before = isObject(change.before) ? change.before[path[0] ?? ""] : undefined;
    if (OWNER.test(value)) return `It gives far-reaching rights (${path.join(".")})`;
    const wider = allowsAll(value) && !(typeof before === "string" && allowsAll(before));
    return wider ? `Its policy allows everything, or everybody (${path.join(".")})` : undefined;
  });
  if (why !== undefined) return [finding("iam_widening", "danger", why, address, "name the actions and who may do them")];
  return [finding("iam_change", "warning", "It changes who may do what", address)];
}

/** An allowing statement of an IAM policy with a star where an action or a principal stands. */
function allowsAll(text: string): boolean {
  if (text.length > 200_000 || !text.includes('"*"') || !/"Effect"\s*:\s*"Allow"|"Effect": "Allow"/.test(text)) return false;
  return /"(Action|Principal|AWS|NotAction)"\s*:\s*(\[\s*)?"\*"/.test(text) || /"Action"\s*:\s*\[[^\]]*"\*"/.test(text);
}

function runs({ address }: ResourceChange, doing: Done["doing"], document: PlanDocument, finding: Make): readonly Finding[] {
  if (!["create", "replace", "delete"].includes(doing) || !document.provisioned.has(withoutIndexes(address))) return [];
  const message = "Its provisioners run programs on the runner: nothing is known of what they do";
  return [finding("provisioner", "warning", message, address, "prefer a resource whose effects a plan can show")];
}

/** What is no longer as Terraform left it. */
function drifted(resource: ResourceChange, finding: Make): readonly Finding[] {
  const doing = doingOf(resource);
  if (doing === undefined || doing === "move") return [];
  const { before, after } = resource.change;
  const names =
    isObject(before) && isObject(after) ? Object.keys({ ...before, ...after }).filter((name) => !sameJson(before[name], after[name])) : [];
  const message =
    doing === "delete"
      ? "Somebody destroyed it outside Terraform"
      : `Somebody changed it outside Terraform: ${names.slice(0, 20).join(", ")}`;
  return [finding("drift", "warning", message, resource.address, "find out who did, and whether this change would take it back")];
}

/** The exposure that a finding makes certain. */
export function withExposure(effects: readonly Effect[], findings: readonly Finding[]): readonly Effect[] {
  const opened = new Set(findings.filter(({ code }) => code === "terraform.public_exposure").map(({ resource }) => resource));
  const rights = new Set(findings.filter(({ code }) => code === "terraform.iam_widening").map(({ resource }) => resource));
  if (opened.size + rights.size === 0) return effects;
  const listed = new Set(effects.map(({ resource }) => resource));
  // What was found in one that is not listed may be any of those that stand for it.
  const hidden = (found: ReadonlySet<string | undefined>): boolean => [...found].some((one) => one === undefined || !listed.has(one));
  const [openedRest, rightsRest] = [hidden(opened), hidden(rights)];
  return effects.map((effect) => ({
    ...effect,
    ...((opened.has(effect.resource) || (effect.resourceKind === UNLISTED && openedRest)) && { exposure: "public" as const }),
    ...((rights.has(effect.resource) || (effect.resourceKind === UNLISTED && rightsRest)) && { privilege: "gained" as const }),
  }));
}
