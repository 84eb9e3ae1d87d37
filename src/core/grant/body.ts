import { canonical, equalBytes, ok, parseJson } from "../base/index.ts";
import type { Json, Result } from "../base/index.ts";
import { MAX_STATEMENT_BYTES } from "./dsse.ts";
import { digest, exactly, list, longText, object, oneOf, principal, text, whole } from "./form.ts";
import { no } from "./refusals.ts";
import type { GrantRefusal } from "./refusals.ts";
import { statementBytes } from "./statement.ts";
import { GRANT_PREDICATE } from "./types.ts";
import type { GrantBody } from "./types.ts";

const MOST = { steps: 100, seats: 64, votes: 1_000, selectors: 256, channels: 32, editors: 10_000, nodes: 64, noteBytes: 128 * 1024 };
const strength = exactly("session", "passkey");

const SELECTOR = oneOf({
  person: object({ kind: text, person: text }),
  group: object({ kind: text, group: text }),
  role: object({ kind: text, role: text }),
  owner: object({ kind: text, handle: text }),
});
const SEAT = object({ id: text, who: list(MOST.selectors, SELECTOR), count: whole, strength, channels: list(MOST.channels, text) });
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

const BODY = object({
  schema: exactly(GRANT_PREDICATE),
  deployment: text,
  grant: text,
  change: text,
  revision: whole,
  runner: text,
  steps: list(MOST.steps, object({ id: text, connector: text, operation: text, state: digest, payload: digest, code: digest })),
  payload: digest,
  review: object({ plan: digest, state: digest, route: digest, bundle: digest, presentation: digest }),
  reviewDigest: digest,
  parties: object({ proposer: principal, onBehalfOf: principal, owner: principal, editors: list(MOST.editors, principal) }),
  seats: list(MOST.seats, SEAT),
  votes: list(MOST.votes, VOTE),
  issuedAt: whole,
  expiresAt: whole,
  ledger: object({ index: whole, entry: longText(64 * 1024), proof: list(MOST.nodes, text), checkpoint: longText(MOST.noteBytes) }),
});

/**
 * The grant in the signed bytes. They must be the very bytes that this grant is sealed as: one spelling, nothing beside it,
 * subjects that are its own.
 */
export function readStatement(bytes: Uint8Array): Result<GrantBody, GrantRefusal> {
  const parsed = parseJson(bytes, { bytes: MAX_STATEMENT_BYTES });
  if (!parsed.ok) return no("grant_malformed", parsed.error.message, parsed.error.where);
  const predicate = member(parsed.value, "predicate");
  const fault = predicate === undefined ? "/predicate" : BODY(predicate, "/predicate");
  if (fault !== undefined) return no("grant_malformed", "the statement has not the form of a grant", fault);
  const body = predicate as unknown as GrantBody;
  return equalBytes(bytes, statementBytes(body)) ? ok(body) : no("grant_malformed", "the statement is not spelled as this grant is sealed");
}

function member(value: Json, key: string): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, key) ? value[key] : undefined;
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
const ENTRY = object({ event: EVENT, n: whole, stream: text, v: whole });

/** The ledger entry of an authorisation. */
export interface Authorisation {
  readonly event: {
    readonly at: number;
    readonly grant: string;
    readonly grantExpiresAt: number;
    readonly reviewDigest: string;
    readonly payload: string;
    readonly approval: string;
  };
  readonly stream: string;
  readonly v: number;
}

export function readAuthorisation(entry: string): Authorisation | undefined {
  const parsed = parseJson(entry, { bytes: 64 * 1024 });
  if (!parsed.ok || ENTRY(parsed.value, "") !== undefined || canonical(parsed.value) !== entry) return undefined;
  return parsed.value as unknown as Authorisation;
}
