import { fail, fromUtf8, ok, type JsonObject } from "../core/base/index.ts";
import { exportEntry, type ExportFormat } from "../core/evidence/index.ts";
import type { Deps } from "./deps.ts";
import { invalid } from "./refusals.ts";
import type { Answer, Caller, ExportPage } from "./types.ts";

/**
 * A page of the ledger's entries after a cursor. A cursor is how many entries there were before it, so that it stays good for ever; the same
 * one gives the same events again, and perhaps more.
 */
export async function exportPage(
  deps: Deps,
  _caller: Caller,
  { format, since, limit }: { readonly format: ExportFormat; readonly since: number; readonly limit: number },
): Answer<ExportPage> {
  const { size } = await deps.store.head();
  if (since > size) return fail(invalid(`the cursor ${since} is beyond the log's ${size} entries`, [], "bad_cursor"));
  const entries = await deps.store.entries(since, Math.min(limit, size - since));
  const events: JsonObject[] = [];
  for (const { index, bytes } of entries) {
    const event = exportEntry(deps.origin, index, fromUtf8(bytes) ?? "", format);
    if (event === undefined) deps.report({ what: `exporting entry ${index}`, error: "it is not of a form that is known" });
    else events.push(event);
  }
  const cursor = since + entries.length;
  return ok({ format, events, cursor: String(cursor), more: cursor < size });
}
