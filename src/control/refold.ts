import type { Json } from "../core/base/index.ts";
import { fold, type ChangeEvent } from "../core/change/index.ts";

/** What a stream's ledger entries add up to: the state that must be stored. Tokens hold a digest that no entry tells. */
export function refold(stream: string, events: readonly Json[]): Json | undefined {
  if (stream.startsWith("change/")) return fold(events as unknown as readonly ChangeEvent[]) as unknown as Json;
  if (stream.startsWith("config/")) return { digest: (events.at(-1) as { readonly digest: string }).digest };
  return undefined;
}
