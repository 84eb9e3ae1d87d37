import { canonical, equalBytes, form as forms, isObject, ok, parseJson } from "../base/index.ts";
import type { Form, Json, Result } from "../base/index.ts";
import type { ChangeEvent } from "../change/index.ts";
import { MAX_STATEMENT_BYTES } from "./dsse.ts";
import { no } from "./refusals.ts";
import type { GrantRefusal } from "./refusals.ts";
import { evidenceBytes, statementBytes, undoBytes } from "./statement.ts";
import { EVIDENCE_KINDS, EVIDENCE_PREDICATE, GRANT_PREDICATE, UNDO_PREDICATE } from "./types.ts";
import type { GrantBody, RunEvidence, UndoGrantBody } from "./types.ts";

const { digest, exactly, list, longText, object, oneOf, positive, principal, text, truth, whole } = forms;
const MOST = { steps: 100, seats: 64, votes: 1_000, selectors: 256, channels: 32, editors: 10_000, nodes: 64, noteBytes: 128 * 1024 };
type EventOf<T extends ChangeEvent["type"]> = Extract<ChangeEvent, { readonly type: T }>;
const strength = exactly("session", "passkey");

const SELECTOR = oneOf({
  person: object({ kind: text, person: text }),
  group: object({ kind: text, group: text }),
  role: object({ kind: text, role: text }),
  owner: object({ kind: text, handle: text }),
});
const SEAT = object(
  {
    id: text,
    who: list(MOST.selectors, SELECTOR),
    count: whole,
    strength,
    channels: list(MOST.channels, text),
    step: text,
    glass: object({ name: text, alone: truth }),
  },
  ["step", "glass"],
);
const VOTE = object(
  {
    person: text,
    identity: text,
    seat: text,
    decision: exactly("approve"),
    reviewDigest: digest,
    channel: text,
    strength,
    at: whole,
    comment: digest,
  },
  ["comment"],
);

const STEP = object({ id: text, connector: text, operation: text, state: digest, payload: digest, code: digest });
const LEDGER = object({ index: whole, entry: longText(64 * 1024), proof: list(MOST.nodes, text), checkpoint: longText(MOST.noteBytes) });
const BECAUSE = object({ code: text, evidence: digest }, ["evidence"]);

const BODY = object(
  {
    schema: exactly(GRANT_PREDICATE),
    deployment: text,
    grant: text,
    change: text,
    revision: whole,
    runner: text,
    steps: list(MOST.steps, STEP),
    payload: digest,
    watch: object({ seconds: positive, everySeconds: positive }),
    review: object({ plan: digest, state: digest, route: digest, bundle: digest, presentation: digest }),
    reviewDigest: digest,
    parties: object({ proposer: principal, onBehalfOf: principal, owner: principal, editors: list(MOST.editors, principal) }),
    seats: list(MOST.seats, SEAT),
    votes: list(MOST.votes, VOTE),
    issuedAt: whole,
    expiresAt: whole,
    notBefore: whole,
    ledger: LEDGER,
  },
  ["watch", "notBefore"],
);

const UNDO = object({
  schema: exactly(UNDO_PREDICATE),
  deployment: text,
  grant: text,
  change: text,
  run: text,
  runner: text,
  step: STEP,
  because: BECAUSE,
  issuedAt: whole,
  ledger: LEDGER,
});

const EVIDENCE = object(
  {
    schema: exactly(EVIDENCE_PREDICATE),
    deployment: text,
    change: text,
    run: text,
    runner: text,
    step: text,
    kind: exactly(...EVIDENCE_KINDS),
    payload: digest,
    facts: digest,
    at: whole,
  },
  ["step"],
);

/**
 * What stands in the signed bytes. They must be the very bytes that it is sealed as: one spelling, nothing beside it, subjects
 * that are its own.
 */
function readSealed<T>(bytes: Uint8Array, form: Form, what: string, sealed: (body: T) => Uint8Array): Result<T, GrantRefusal> {
  const parsed = parseJson(bytes, { bytes: MAX_STATEMENT_BYTES });
  if (!parsed.ok) return no("grant_malformed", parsed.error.message, parsed.error.where);
  const predicate = member(parsed.value, "predicate");
  const fault = predicate === undefined ? "/predicate" : form(predicate, "/predicate");
  if (fault !== undefined) return no("grant_malformed", `the statement has not the form of ${what}`, fault);
  const body = predicate as T;
  return equalBytes(bytes, sealed(body)) ? ok(body) : no("grant_malformed", `the statement is not spelled as ${what} is sealed`);
}

export const readStatement = (bytes: Uint8Array) => readSealed<GrantBody>(bytes, BODY, "a grant", statementBytes);
export const readUndo = (bytes: Uint8Array) => readSealed<UndoGrantBody>(bytes, UNDO, "an undo grant", undoBytes);
export const readEvidence = (bytes: Uint8Array) => readSealed<RunEvidence>(bytes, EVIDENCE, "a runner's evidence", evidenceBytes);

function member(value: Json, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

const EVENT = object({
  at: whole,
  type: exactly("authorised"),
  grant: text,
  grantExpiresAt: whole,
  reviewDigest: digest,
  payload: digest,
  approval: digest,
});
const UNDO_EVENT = object({ at: whole, type: exactly("undo_started"), run: text, step: text, because: BECAUSE });

interface Entry<E> {
  readonly event: E;
  readonly stream: string;
  readonly v: number;
}

/** The ledger entry of an authorisation. */
type Authorisation = Entry<Pick<EventOf<"authorised">, "at" | "grant" | "grantExpiresAt" | "reviewDigest" | "payload" | "approval">>;

function readEntry<E>(entry: string, form: Form): Entry<E> | undefined {
  const parsed = parseJson(entry, { bytes: 64 * 1024 });
  const fits = object({ event: form, n: whole, stream: text, v: whole });
  if (!parsed.ok || fits(parsed.value, "") !== undefined || canonical(parsed.value) !== entry) return undefined;
  return parsed.value as unknown as Entry<E>;
}

export const readAuthorisation = (entry: string): Authorisation | undefined => readEntry(entry, EVENT);
export const readUndoEntry = (entry: string): Entry<EventOf<"undo_started">> | undefined => readEntry(entry, UNDO_EVENT);
