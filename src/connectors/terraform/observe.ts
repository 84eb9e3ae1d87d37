import { join } from "node:path";
import type { Observed } from "../../control/ports.ts";
import { canonical, digestOf, ok } from "../../core/base/index.ts";
import type { Digest, Json, Result } from "../../core/base/index.ts";
import { systemOf } from "./declare.ts";
import { recall, remember } from "./folders.ts";
import { stateDigestOf } from "./payload.ts";
import { inSession, makePlan, pullState } from "./session.ts";
import type { Planned, Session, Setup } from "./session.ts";
import type { Start } from "./source.ts";
import type { Fingerprint, Recipe, TerraformPayload, TerraformWorkspace } from "./types.ts";

export interface Looked {
  readonly planned: Planned;
  readonly state: Fingerprint;
  /** How many objects the state holds. */
  readonly objects: number;
}

/** The state as it is stored, then the objects as a refresh sees them. Whoever writes in between is noticed by the serial. */
export async function look(setup: Setup, session: Session, recipe: Recipe): Promise<Result<Looked>> {
  const stored = await pullState(setup, session);
  if (!stored.ok) return stored;
  const planned = await makePlan(setup, session, recipe);
  if (!planned.ok) return planned;
  const { lineage, serial, content, instances } = stored.value;
  return ok({ planned: planned.value, state: { lineage, serial, content, seen: planned.value.analysis.seen }, objects: instances.size });
}

/** Of what was planned before: the same configuration, with the same modules. */
export const knownFrom = ({ configuration }: Recipe): Start => ({ from: "known", configuration });

export async function observePayload(
  setup: Setup,
  workspace: TerraformWorkspace,
  payload: TerraformPayload,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<Result<Observed>> {
  const looked = await inSession(setup, workspace, { start: knownFrom(payload.recipe), mode: "read" }, signal, (session) =>
    look(setup, session, payload.recipe),
  );
  if (!looked.ok) return looked;
  const { state } = looked.value;
  const name = systemOf(workspace);
  const restored = await recall(restoredPath(setup, bytes));
  const stateDigest: Digest = stateDigestOf(name, isSame(restored, state) ? payload.state : state);
  return ok({ stateDigest, context: contextOf(workspace, state) });
}

export const contextOf = (workspace: TerraformWorkspace, state: Fingerprint): Readonly<Record<string, string>> => ({
  workspace: systemOf(workspace),
  lineage: state.lineage,
  serial: String(state.serial),
});

/**
 * An undo leaves the objects as they were and the state with a later serial, and what had to be made anew with another identity.
 * That this very state is what the undo of this payload left, and verified, is remembered: it stands for the state before.
 */
const restoredPath = (setup: Setup, payload: Uint8Array): string =>
  join(setup.options.workDir, "restored", `${digestOf(payload).slice("sha256:".length)}.json`);

const isSame = (restored: Json | undefined, state: Fingerprint): boolean =>
  restored !== undefined && canonical(restored) === canonical(state);

export const rememberRestored = (setup: Setup, payload: Uint8Array, state: Fingerprint): Promise<void> =>
  remember(restoredPath(setup, payload), { ...state });
