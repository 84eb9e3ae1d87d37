import { byText, isObject, keyedDigestOf, ok, openForeign, refuse } from "../../core/base/index.ts";
import type { Json, JsonObject, KeyedDigest, Result } from "../../core/base/index.ts";
import { below } from "./plan-document.ts";

/** A state as it is stored: what it is, without what is in it. */
export interface StoredState {
  readonly lineage: string;
  readonly serial: number;
  readonly content: KeyedDigest;
  /** Digests of the instances by their addresses: to say which have changed, and to show none. */
  readonly instances: ReadonlyMap<string, KeyedDigest>;
}

/** Reads what `state pull` prints; a workspace without a state prints nothing. */
export function readState(bytes: Uint8Array, key: Uint8Array): Result<StoredState> {
  const content = keyedDigestOf(key, Buffer.concat([Buffer.from("pawl/terraform-state-content/v1\n"), bytes]));
  if (Buffer.from(bytes).toString("latin1").trim() === "") return ok({ lineage: "", serial: 0, content, instances: new Map() });
  const opened = openForeign(bytes);
  if (!opened.ok) return unreadable(opened.error.message);
  const [lineage, serial, resources] = ["lineage", "serial", "resources"].map((name) => opened.value.read(name));
  if (!lineage?.ok || !serial?.ok || !resources?.ok) return unreadable("a member cannot be read");
  if (typeof lineage.value !== "string" || typeof serial.value !== "number" || !Number.isSafeInteger(serial.value))
    return unreadable("it has no lineage or serial");
  const list = Array.isArray(resources.value) ? resources.value : [];
  return ok({ lineage: lineage.value, serial: serial.value, content, instances: new Map(list.flatMap((one) => instancesOf(one, key))) });
}

const unreadable = (why: string): Result<never> =>
  refuse("terraform_state_unreadable", `the state cannot be read: ${why}`, { remedy: "see what `terraform state pull` prints" });

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "?");

function instancesOf(resource: Json, key: Uint8Array): readonly [string, KeyedDigest][] {
  if (!isObject(resource) || resource["mode"] !== "managed" || !Array.isArray(resource["instances"])) return [];
  const module = typeof resource["module"] === "string" ? `${resource["module"]}.` : "";
  return resource["instances"].filter(isObject).map((instance) => {
    const index = instance["index_key"];
    const base = `${module}${text(resource["type"])}.${text(resource["name"])}`;
    const address = typeof index === "number" ? below(base, index) : typeof index === "string" ? `${base}[${JSON.stringify(index)}]` : base;
    const deposed = typeof instance["deposed"] === "string" ? ` (deposed ${instance["deposed"]})` : "";
    return [`${address}${deposed}`, keyedDigestOf(key, JSON.stringify(instance))];
  });
}

export const sameState = (
  a: Pick<StoredState, "lineage" | "serial" | "content">,
  b: Pick<StoredState, "lineage" | "serial" | "content">,
): boolean => a.lineage === b.lineage && a.serial === b.serial && a.content === b.content;

const NAMED = 100;

/** Which instances are otherwise than before, by name: what happened according to the state. */
export function stateDifference(before: StoredState, after: StoredState): JsonObject {
  const names = [...new Set([...before.instances.keys(), ...after.instances.keys()])].toSorted(byText);
  const pick = (applies: (name: string) => boolean): readonly string[] => names.filter(applies);
  const made = pick((name) => !before.instances.has(name));
  const gone = pick((name) => !after.instances.has(name));
  const changed = pick(
    (name) => before.instances.has(name) && after.instances.has(name) && before.instances.get(name) !== after.instances.get(name),
  );
  const told = (list: readonly string[]): JsonObject => ({
    count: list.length,
    addresses: list.slice(0, NAMED).map((name) => name.slice(0, 500).toWellFormed()),
  });
  return { made: told(made), changed: told(changed), gone: told(gone), serial_before: before.serial, serial_after: after.serial };
}
