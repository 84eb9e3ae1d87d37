import type { Refusal } from "../core/base/index.ts";
import type { ControlCode, ControlRefusal } from "./types.ts";

/** Which kind of "no" each of the core's and the store's closed codes is for a caller. What is not listed is `not_now`. */
const CODES: Readonly<Record<string, ControlCode>> = {
  review_moved: "review_moved",
  self_approval: "forbidden",
  not_eligible: "forbidden",
  not_a_person: "forbidden",
  not_a_party: "forbidden",
  glass_overdue: "forbidden",
  inactive_person: "forbidden",
  unknown_person: "forbidden",
  identity_mismatch: "forbidden",
  party_untraceable: "forbidden",
  unknown_seat: "invalid",
  weak_signature: "forbidden",
  wrong_channel: "forbidden",
  version_conflict: "conflict",
  claim_taken: "conflict",
  payload_too_large: "too_large",
  entry_too_large: "too_large",
  payload_mismatch: "unavailable",
  store_unavailable: "unavailable",
  store_corrupt: "unavailable",
};

/** A core refusal as the caller meets it: the core's code becomes `reason`. */
export function refused(error: Refusal): ControlRefusal {
  return { ...error, code: CODES[error.code] ?? "not_now", reason: error.code };
}

export function invalid(message: string, faults: readonly Refusal[] = [], reason = "invalid"): ControlRefusal {
  return { code: "invalid", reason, message, faults };
}

export function noSuchChange(id: string): ControlRefusal {
  return {
    code: "not_found",
    reason: "unknown_change",
    message: `no change ${id.slice(0, 64)} is visible to you`,
    remedy: "`pawl list` shows the changes you may see",
  };
}

export function quarantined(stream: string, fault: string): ControlRefusal {
  return {
    code: "unavailable",
    reason: "quarantined",
    message: `${stream} is set aside: ${fault}`,
    where: stream,
    remedy: "an operator looks at it with `pawl ledger fsck`; its entries in the ledger are what happened",
  };
}

export function machineRefused(what: string): ControlRefusal {
  return {
    code: "forbidden",
    reason: "machine_credential",
    message: `${what} is a human decision; an agent's or workload's credential cannot make it`,
    remedy: "ask a person who sits in an open seat",
  };
}
