import type { Json } from "../core/base/index.ts";
import type { Deps } from "./deps.ts";

/** An entry that belongs to no change: a refused attempt, a start, a key. Losing one is reported, never silent. */
export async function appendAudit(deps: Deps, event: { readonly type: string } & Readonly<Record<string, string>>): Promise<void> {
  const written = await deps.store.append({ writes: [{ stream: "audit", expected: "any", events: [{ ...event, at: deps.clock.now() } as Json] }] });
  if (!written.ok) deps.report({ what: `audit entry ${event.type}`, error: written.error });
}
