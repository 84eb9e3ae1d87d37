/** A deployment in miniature: keys that anybody knows, a log, and a grant that verifies. */
import { canonical, toHex, utf8, type Json, type RunnerId } from "../core/base/index.ts";
import type { ChangeEvent } from "../core/change/index.ts";
import { sealGrant, type Envelope, type GrantBody, type GrantTrust, type Undoable, type UndoGrantBody } from "../core/grant/index.ts";
import { inclusionProof, signCheckpoint, vkey } from "../core/ledger/index.ts";
import { command, eventsOf, runner, stateIn } from "./lifecycle.ts";
import { MemoryLog, testEntry, testSigner } from "./ledger.ts";

export const ORIGIN = "pawl.example/log";
export const logSigner = testSigner(ORIGIN, 1);
export const grantSigner = testSigner("pawl.example/grants", 2);
export const stranger = testSigner("pawl.example/grants", 3);

export const trust: GrantTrust = {
  deployment: ORIGIN,
  runner,
  grantKeys: new Map([[grantSigner.name, grantSigner.publicKey]]),
  logKeys: [vkey(logSigner.name, logSigner.publicKey)],
  skewMillis: 30_000,
};
export const payloads = ["one", "two"].map((id) => utf8(`payload of ${id}`));

export function authorisation(): Extract<ChangeEvent, { readonly type: "authorised" }> {
  const event = eventsOf(stateIn("awaiting"), command.approve("bo")).at(-1);
  if (event?.type !== "authorised") throw new Error("Bo's vote completes the quorum");
  return event;
}

export const entryOf = (event: unknown, stream: string, n = 4): string => canonical({ event: event as Json, n, stream, v: 1 });

/** Evidence for an entry in a log of some others. */
export function evidenceFor(entry: string, { before = 4, behind = 3, signer = logSigner, origin = ORIGIN } = {}): GrantBody["ledger"] {
  const others = Array.from({ length: before + behind }, (_, n) => testEntry(n));
  const log = new MemoryLog().append([...others.slice(0, before), utf8(entry), ...others.slice(before)]);
  const checkpoint = signCheckpoint({ origin, size: log.size, root: log.root }, [signer]);
  return { index: before, entry, proof: inclusionProof(before, log.size, log.readTile).map(toHex), checkpoint };
}

/** The grant of a change that Bo's vote authorised. */
export function grantBody(more: Partial<GrantBody> = {}): GrantBody {
  const state = stateIn("authorised");
  return {
    schema: "pawl/grant/v1",
    deployment: ORIGIN,
    grant: state.grant,
    change: state.id,
    revision: state.revision,
    runner: runner satisfies RunnerId,
    steps: state.stepDigests,
    payload: state.payload,
    review: state.review,
    reviewDigest: state.reviewDigest,
    parties: state.parties,
    seats: state.seats,
    votes: state.votes,
    issuedAt: state.authorisedAt,
    expiresAt: state.grantExpiresAt,
    ledger: evidenceFor(entryOf(authorisation(), `change/${state.id}`)),
    ...more,
  };
}

/** The undo of step two of a change that is applied, as the ledger has it. */
export function undoStarted(): Extract<ChangeEvent, { readonly type: "undo_started" }> {
  const event = eventsOf(stateIn("applied"), command.undo("two"))[0];
  if (event?.type !== "undo_started") throw new Error("step two is the latest");
  return event;
}

export function undoBody(more: Partial<UndoGrantBody> = {}): UndoGrantBody {
  const state = stateIn("applied");
  const event = undoStarted();
  const [, step] = state.stepDigests;
  if (step === undefined) throw new Error("there are two steps");
  return {
    schema: "pawl/undo-grant/v1",
    deployment: ORIGIN,
    grant: state.grant,
    change: state.id,
    run: state.run,
    runner,
    step,
    because: event.because,
    issuedAt: event.at,
    ledger: evidenceFor(entryOf(event, `change/${state.id}`, 12)),
    ...more,
  };
}

export const undoable = (): Undoable => {
  const { change, grant, run, step } = undoBody();
  return { change, grant, run, step };
};

export const sealed = (more: Partial<GrantBody> = {}): Envelope => sealGrant(grantBody(more), grantSigner);
