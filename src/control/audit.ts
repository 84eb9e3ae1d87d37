import { isId, type JsonObject } from "../core/base/index.ts";
import type { Deps } from "./deps.ts";
import { machineRefused } from "./refusals.ts";
import type { Caller, ControlRefusal } from "./types.ts";

type AuditEvent = JsonObject & { readonly type: string };

/** An entry that belongs to no change: a refused attempt, a start, a key. */
export function auditWrite(deps: Deps, event: AuditEvent) {
  return { stream: "audit", expected: "any", events: [{ ...event, at: deps.clock.now() }] } as const;
}

/** Losing one is reported, never silent. */
export async function appendAudit(deps: Deps, event: AuditEvent): Promise<void> {
  const written = await deps.store.append({ writes: [auditWrite(deps, event)] });
  if (!written.ok) deps.report({ what: `audit entry ${event.type}`, error: written.error });
}

/** A machine's credential gets past this on no channel, and that it tried is on record. */
export async function refusedMachine(
  deps: Deps,
  caller: Caller,
  what: string,
  words: string,
  about = "",
): Promise<ControlRefusal | undefined> {
  if (caller.kind === "human") return undefined;
  const refusal = machineRefused(words);
  const event = { type: "refused", by: caller.principal, identity: caller.identity, what, code: refusal.reason };
  await appendAudit(deps, isId(about) ? { ...event, on: about } : event);
  return refusal;
}
