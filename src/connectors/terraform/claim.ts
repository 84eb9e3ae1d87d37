import { isObject, ok, openForeign } from "../../core/base/index.ts";
import type { Json, JsonObject, Result } from "../../core/base/index.ts";
import { Hidden, isSecretName } from "./hidden.ts";
import { readPlan } from "./plan-document.ts";
import { shownText } from "./shown.ts";

/** The parts that say what will happen. Values of variables, the state before and the configuration are not kept. */
const KEPT = ["resource_changes", "resource_drift", "output_changes", "checks", "action_invocations", "deferred_changes"] as const;
const PLAIN = ["format_version", "terraform_version", "errored", "complete", "applyable"] as const;

/** A plan that somebody brought, as it may be stored: every value that it marks as sensitive is a keyed digest. */
export function claimOf(bytes: Uint8Array, key: Uint8Array): Result<JsonObject> {
  const plan = readPlan(bytes);
  if (!plan.ok) return plan;
  const opened = openForeign(bytes);
  if (!opened.ok) return opened;
  // Once its values are sealed, nobody can look for them elsewhere in the plan.
  const hidden = new Hidden(key);
  const { resources, drift, outputs } = plan.value.plan;
  for (const { change } of [...resources, ...drift, ...outputs]) hidden.learn(change);
  const kept: JsonObject = { planned_values: {} };
  for (const name of [...PLAIN, ...KEPT]) {
    const part = opened.value.read(name);
    if (!part.ok) return part;
    if (part.value !== undefined)
      kept[name] = (PLAIN as readonly string[]).includes(name) ? part.value : normal(sealedPart(part.value, hidden));
  }
  return ok(kept);
}

/** Wherever something looks like a change, its sides are sealed by its own masks. */
function sealedPart(value: Json, hidden: Hidden): Json {
  if (typeof value === "string") return hidden.scrub(value);
  if (Array.isArray(value)) return value.map((one) => sealedPart(one, hidden));
  if (!isObject(value)) return value;
  if (Array.isArray(value["actions"])) return sealedChange(value, hidden);
  if (value["config_values"] !== undefined) return { ...value, config_values: {} };
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, sealedPart(member, hidden)]));
}

function sealedChange(change: JsonObject, hidden: Hidden): JsonObject {
  const said = change["before_sensitive"] !== undefined || change["after_sensitive"] !== undefined;
  const side = (name: "before" | "after"): Json =>
    sealed(change[name] ?? null, said ? (change[`${name}_sensitive`] ?? false) : "unsaid", "", hidden);
  const { importing, before_identity: was, after_identity: is, generated_config: written, ...rest } = change;
  const others = { importing, before_identity: was, after_identity: is, generated_config: written };
  const told = Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [[name, sealedPart(value, hidden)] as const]));
  return { ...rest, ...Object.fromEntries(told), before: side("before"), after: side("after") };
}

/** Where nothing is said of sensitivity, no text is kept. */
function sealed(value: Json, mask: Json, name: string, hidden: Hidden): Json {
  if (value === null || isSealed(value)) return value;
  if (mask === true) return hidden.sealed(typeof value === "string" ? value : JSON.stringify(value));
  if (typeof value === "string")
    return value !== "" && (mask === "unsaid" || isSecretName(name) || hidden.isIn(value)) ? hidden.sealed(value) : value;
  const inner = (at: string | number): Json =>
    mask === "unsaid" ? mask : Array.isArray(mask) ? (mask[Number(at)] ?? false) : isObject(mask) ? (mask[at] ?? false) : false;
  if (Array.isArray(value)) return value.map((one, i) => sealed(one, inner(i), name, hidden));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([at, one]) => [hidden.scrub(at), sealed(one, inner(at), at, hidden)]));
}

const isSealed = (value: Json): boolean => isObject(value) && Object.keys(value).length === 1 && isObject(value["$secret"]);

/** What is stored is in normal form C, as everything that is hashed. */
function normal(value: Json): Json {
  if (typeof value === "string") return shownText(value);
  if (Array.isArray(value)) return value.map(normal);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, one]) => [shownText(name), normal(one)])) : value;
}
