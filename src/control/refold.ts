import type { Json } from "../core/base/index.ts";
import { fold, type ChangeEvent } from "../core/change/index.ts";
import { foldTarget, type TargetEvent } from "../core/target/index.ts";
import { glassAfter, type GlassEvent } from "./glass-state.ts";
import { runnerAfter, type RunnerEvent } from "./runners-state.ts";
import { tokenAfter, type TokenEvent } from "./token-state.ts";

/** What a stream's ledger entries add up to: the state that must be stored. */
export function refold(stream: string, events: readonly Json[]): Json | undefined {
  if (stream.startsWith("change/")) return fold(events as unknown as readonly ChangeEvent[]) as unknown as Json;
  if (stream.startsWith("config/")) return { digest: (events.at(-1) as { readonly digest: string }).digest };
  if (stream.startsWith("target/")) return foldTarget(events as unknown as readonly TargetEvent[]) as unknown as Json;
  if (stream.startsWith("token/")) return tokenAfter(events as unknown as readonly TokenEvent[]) as unknown as Json;
  if (stream.startsWith("runner/")) return runnerAfter(events as unknown as readonly RunnerEvent[]) as unknown as Json;
  if (stream === "glass") return glassAfter(events as unknown as readonly GlassEvent[]) as unknown as Json;
  return undefined;
}
