import { fail, ok, parseInstant } from "../base/index.ts";
import type { ChangeId, Json, Millis, PrincipalId, Refusal, Result } from "../base/index.ts";
import { CHANGE_ID, CONNECTOR, MOMENT, PRINCIPAL, scopeShape } from "./schema-parts.ts";
import { Faults, also, choice, integer, list, object, text } from "./shape.ts";
import type { Shape } from "./shape.ts";
import { rawSecretFaults } from "./secrets.ts";
import type { Proposal, ProposalStep, Schedule, Scope, Watch } from "./types.ts";

/** What a caller may send: a proposal less what the edge knows better (who is asking). */
export interface ProposalInput {
  readonly title: string;
  readonly summary: string;
  readonly onBehalfOf?: PrincipalId;
  readonly scope?: Omit<Scope, "origin">;
  readonly steps: readonly ProposalStep[];
  readonly claims: readonly string[];
  readonly start: Proposal["start"];
  /** When it may start, in the words of whoever asks. */
  readonly schedule?: Schedule;
  readonly expiresInSeconds?: number;
  readonly supersedes?: ChangeId;
  readonly watch?: Watch;
}

export const PROPOSAL_BOUNDS = {
  title: 200,
  summary: 10_000,
  steps: 20,
  claims: 50,
  claim: 500,
  minExpirySeconds: 60,
  maxExpirySeconds: 30 * 24 * 60 * 60,
  maxWatchSeconds: 24 * 60 * 60,
  maxWatchEverySeconds: 60 * 60,
  /** Each look is an entry of the ledger. */
  watchChecks: 1_000,
} as const;

/** Words that people read: no control characters but a line feed and a tab, and composed as Unicode's NFC has it. */
function words(max: number, min: number, multiline: boolean): Shape {
  const control = multiline ? /[\p{Cc}--[\n\t]]/v : /\p{Cc}/u;
  return also(text({ max, min }), (value, at, faults) => {
    const said = value as string;
    if (min > 0 && said.trim() === "") faults.add("shape.too_short", at, "must not be blank");
    if (control.test(said)) {
      faults.add(
        "shape.bad_text",
        at,
        "holds a control character",
        multiline ? "only line feed and tab are allowed" : "write one plain line",
      );
    }
    if (said.normalize("NFC") !== said) faults.add("shape.bad_text", at, "is not in Unicode normal form C", "normalise it to NFC");
  });
}

const anyInput: Shape = { schema: {}, check: (value, at, faults) => rawSecretFaults(value as Json, at, faults) };

const stepShape = object({ connector: CONNECTOR, input: anyInput });

const WATCH_SHARE = 20;
/** Twenty looks, unless it is said otherwise. */
const everyOf = ({ seconds, every_seconds }: WireWatch): number =>
  every_seconds ?? Math.min(PROPOSAL_BOUNDS.maxWatchEverySeconds, Math.ceil(seconds / WATCH_SHARE));

const watchShape = also(
  object({ seconds: integer(1, PROPOSAL_BOUNDS.maxWatchSeconds) }, { every_seconds: integer(1, PROPOSAL_BOUNDS.maxWatchEverySeconds) }),
  (value, at, faults) => {
    const { seconds, every_seconds = seconds } = value as WireWatch;
    const most = PROPOSAL_BOUNDS.watchChecks;
    if (every_seconds > seconds) faults.add("shape.out_of_range", `${at}/every_seconds`, "is longer than the watch itself");
    else if (seconds / every_seconds > most)
      faults.add("shape.out_of_range", `${at}/every_seconds`, `makes more than ${most} checks`, "look less often");
  },
);

const proposalShape = object(
  { title: words(PROPOSAL_BOUNDS.title, 1, false), steps: list(stepShape, { min: 1, max: PROPOSAL_BOUNDS.steps }) },
  {
    summary: words(PROPOSAL_BOUNDS.summary, 0, true),
    on_behalf_of: PRINCIPAL,
    scope: scopeShape,
    claims: list(words(PROPOSAL_BOUNDS.claim, 1, false), { max: PROPOSAL_BOUNDS.claims }),
    start: choice(["when-authorised", "on-request"]),
    expires_in_seconds: integer(PROPOSAL_BOUNDS.minExpirySeconds, PROPOSAL_BOUNDS.maxExpirySeconds),
    not_before: MOMENT,
    not_after: MOMENT,
    supersedes: CHANGE_ID,
    watch: watchShape,
  },
);

/** JSON Schema of what a caller sends, for the API's contract. */
export const PROPOSAL_SCHEMA = proposalShape.schema;

/** `raw`, once `proposalShape` has found nothing wrong with it. */
interface Wire {
  readonly title: string;
  readonly summary?: string;
  readonly on_behalf_of?: PrincipalId;
  readonly scope?: Omit<Scope, "origin" | "limits"> & { readonly limits?: Scope["limits"] };
  readonly steps: readonly { readonly connector: string; readonly input: Json }[];
  readonly claims?: readonly string[];
  readonly start?: Proposal["start"];
  readonly expires_in_seconds?: number;
  readonly not_before?: string;
  readonly not_after?: string;
  readonly supersedes?: ChangeId;
  readonly watch?: WireWatch;
}

interface WireWatch {
  readonly seconds: number;
  readonly every_seconds?: number;
}

/** Reads a proposal from outside: every fault at once, each with a JSON pointer. No message repeats a value. */
export function parseProposal(raw: Json): Result<ProposalInput, readonly Refusal[]> {
  const faults = new Faults();
  proposalShape.check(raw, "", faults);
  if (faults.list.length > 0) return fail(faults.list);
  const wire = raw as unknown as Wire;
  const input = fromWire(wire);
  const { notBefore, notAfter } = momentsOf(input.schedule);
  if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
    const message = "is not after not_before, so it could never start";
    return fail([{ code: "shape.out_of_range", message, where: "/not_after", remedy: "choose a later end, or an earlier start" }]);
  }
  return ok(input);
}

function scheduleOf({ not_before: notBefore, not_after: notAfter }: Wire): { readonly schedule?: Schedule } {
  if (notBefore === undefined && notAfter === undefined) return {};
  return { schedule: { ...(notBefore === undefined ? {} : { notBefore }), ...(notAfter === undefined ? {} : { notAfter }) } };
}

/** The moments that a schedule names. */
export function momentsOf({ notBefore, notAfter }: Schedule = {}): { readonly notBefore?: Millis; readonly notAfter?: Millis } {
  const [from, to] = [notBefore, notAfter].map((moment) => (moment === undefined ? undefined : parseInstant(moment)));
  return { ...(from === undefined ? {} : { notBefore: from }), ...(to === undefined ? {} : { notAfter: to }) };
}

function fromWire(wire: Wire): ProposalInput {
  return {
    title: wire.title.trim(),
    summary: (wire.summary ?? "").trim(),
    steps: wire.steps.map(({ connector, input }, i) => ({ id: `step-${i + 1}`, connector, input })),
    claims: wire.claims ?? [],
    start: wire.start ?? "when-authorised",
    ...(wire.on_behalf_of === undefined ? {} : { onBehalfOf: wire.on_behalf_of }),
    ...(wire.scope === undefined ? {} : { scope: { ...wire.scope, limits: wire.scope.limits ?? {} } }),
    ...(wire.expires_in_seconds === undefined ? {} : { expiresInSeconds: wire.expires_in_seconds }),
    ...scheduleOf(wire),
    ...(wire.supersedes === undefined ? {} : { supersedes: wire.supersedes }),
    ...(wire.watch === undefined ? {} : { watch: { seconds: wire.watch.seconds, everySeconds: everyOf(wire.watch) } }),
  };
}
