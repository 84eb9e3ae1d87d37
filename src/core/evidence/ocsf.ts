/**
 * OCSF 1.6.0. What happens to a change is API Activity (6003); policy, directory, tokens and keys are managed entities (3004). Authorize
 * Session (3003) is about privileges that a login is given, which no event of ours is.
 */
import type { JsonObject } from "../base/index.ts";
import type { ExportedEntry } from "./export.ts";

const VERSION = "1.6.0";
const [CREATE, UPDATE, DELETE, OTHER] = [1, 3, 4, 99];
const [INFORMATIONAL, LOW, MEDIUM, HIGH] = [1, 2, 3, 4];
const CAPTION: Readonly<Record<number, string>> = { [CREATE]: "Create", [UPDATE]: "Update", [DELETE]: "Delete" };

const ACTIVITY: Readonly<Record<string, number>> = {
  proposed: CREATE,
  config_seeded: CREATE,
  token_created: CREATE,
  token_revoked: DELETE,
  refused: OTHER,
  started: OTHER,
  run_started: OTHER,
  effect_started: OTHER,
  effect_done: OTHER,
  undo_started: OTHER,
};
const SEVERITY: Readonly<Record<string, number>> = {
  refused: LOW,
  blocked: LOW,
  failed: MEDIUM,
  undone: MEDIUM,
  undo_started: MEDIUM,
  staled: LOW,
  indeterminate: HIGH,
  loss_accepted: HIGH,
  glass_broken: HIGH,
  log_key_rotated: MEDIUM,
};
const FAILED = new Set(["refused", "failed", "undone", "blocked", "staled"]);
const UNKNOWN = new Set(["indeterminate"]);

export function ocsf(origin: string, entry: ExportedEntry): JsonObject {
  const { index, id, stream, event } = entry;
  const { type } = event;
  const activity = ACTIVITY[type] ?? UPDATE;
  const managed = /^(config|token|keys|runner)\b/.test(stream);
  const classUid = managed ? 3004 : 6003;
  const base: JsonObject = {
    activity_id: activity,
    activity_name: CAPTION[activity] ?? type,
    category_uid: managed ? 3 : 6,
    category_name: managed ? "Identity & Access Management" : "Application Activity",
    class_uid: classUid,
    class_name: managed ? "Entity Management" : "API Activity",
    type_uid: classUid * 100 + activity,
    severity_id: SEVERITY[type] ?? INFORMATIONAL,
    status_id: UNKNOWN.has(type) ? 0 : FAILED.has(type) ? 2 : 1,
    time: event.at,
    message: `${type} ${stream}`,
    metadata: {
      version: VERSION,
      uid: id,
      event_code: type,
      sequence: index,
      log_name: origin,
      product: { name: "Pawl", vendor_name: "Pawl" },
      correlation_uid: stream,
    },
    actor: actorOf(event),
    unmapped: { event },
  };
  if (managed) return { ...base, entity: { uid: stream, name: stream, type: stream.split("/", 1)[0] ?? "" } };
  return {
    ...base,
    api: { operation: type, service: { name: "Pawl" } },
    src_endpoint: { svc_name: `pawl://${origin}` },
    resources: [{ uid: stream, type: stream.split("/", 1)[0] ?? "" }],
  };
}

/** Who did it, as far as the event says; what nobody is named for was done by Pawl itself. */
function actorOf(event: ExportedEntry["event"]): JsonObject {
  const vote = event["vote"] as { readonly person?: string } | undefined;
  const parties = event["parties"] as { readonly proposer?: string } | undefined;
  const named = vote?.person ?? event["person"] ?? event["by"] ?? parties?.proposer;
  if (typeof named === "string") return { user: { uid: named, name: named } };
  const runner = event["runner"];
  return typeof runner === "string" ? { app_name: "pawl runner", app_uid: runner } : { app_name: "pawl" };
}
