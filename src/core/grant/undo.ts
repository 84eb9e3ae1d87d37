import { canonical, ok } from "../base/index.ts";
import type { ChangeId, GrantId, Result, RunId } from "../base/index.ts";
import type { StepDigests } from "../change/index.ts";
import { readUndo, readUndoEntry } from "./body.ts";
import { openEnvelope } from "./dsse.ts";
import { unproven } from "./proof.ts";
import { no } from "./refusals.ts";
import type { GrantRefusal } from "./refusals.ts";
import type { GrantTrust, UndoGrantBody } from "./types.ts";

/** What a runner has done itself, under a grant that it verified: nothing else is its to undo. */
export interface Undoable {
  readonly change: ChangeId;
  readonly grant: GrantId;
  readonly run: RunId;
  readonly step: StepDigests;
}

/**
 * Permission to undo one done step, verified offline: signed by a grant key, for this runner, of exactly what was done, and on
 * record as begun. It has no time: undoing what one did stays possible when the grant has run out.
 */
export function verifyUndoGrant(
  envelope: unknown,
  trust: Omit<GrantTrust, "skewMillis">,
  { change, grant, run, step }: Undoable,
): Result<UndoGrantBody, GrantRefusal> {
  const bytes = openEnvelope(envelope, trust.grantKeys);
  if (!bytes.ok) return bytes;
  const read = readUndo(bytes.value);
  if (!read.ok) return read;
  const body = read.value;
  if (body.deployment !== trust.deployment) return no("grant_foreign", `it is an undo grant of ${body.deployment}`, "deployment");
  if (body.runner !== trust.runner) return no("grant_other_runner", `it names runner ${body.runner}`, "runner");
  if (body.change !== change || body.grant !== grant || body.run !== run)
    return no("undo_other_step", `it is for run ${body.run} of ${body.change}`, "run");
  if (canonical(body.step) !== canonical(step))
    return no("undo_other_step", `it is for another step than ${step.id} as it was done`, "step");
  const entry = readUndoEntry(body.ledger.entry);
  if (entry === undefined || entry.v !== 1) return no("undo_unproven", "the ledger entry is no beginning of an undo", "ledger/entry");
  const { at, because } = entry.event;
  const same =
    entry.stream === `change/${change}` &&
    entry.event.run === run &&
    entry.event.step === step.id &&
    at === body.issuedAt &&
    canonical(because) === canonical(body.because);
  if (!same) return no("undo_unproven", "the ledger entry begins another undo", "ledger/entry");
  const fault = unproven(body.ledger, trust);
  return fault === undefined ? ok(body) : no("undo_unproven", fault.message, fault.where);
}
