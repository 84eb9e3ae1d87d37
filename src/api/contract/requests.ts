import { Type } from "typebox";
import { PATTERNS } from "../../core/base/index.ts";
import { PROPOSAL_SCHEMA } from "../../core/plan/index.ts";
import { choice, closed, digest, maybe } from "./parts.ts";
import { STATUSES } from "./views.ts";

const LONGEST_TEXT = 4000;
const words = (description: string) => Type.String({ minLength: 1, maxLength: LONGEST_TEXT, description });

/** Bodies that control reads are only described here; control is their one judge, so that every channel refuses alike. */
export const proposal = Type.Unsafe<unknown>({ $id: "Proposal", ...PROPOSAL_SCHEMA });

export const voteBody = Type.Object(
  {
    decision: choice(["approve", "reject"]),
    review_digest: digest("The review digest that was shown: the vote counts for exactly that."),
    seat: maybe(words("Which seat to sit in, where more than one is open to the voter.")),
    comment: maybe(words("Kept beside the ledger; only a salted digest is logged.")),
  },
  { $id: "Vote", ...closed },
);

export const sendBackBody = Type.Object(
  {
    reason: words("What to mend, for the proposer."),
    code: maybe(Type.String({ pattern: "^[a-z][a-z0-9_.-]{0,63}$", description: "The same, for a machine." })),
    resource: maybe(words("Which resource it is about.")),
  },
  { $id: "SendBack", ...closed },
);

export const reconcileBody = Type.Object(
  {
    run: words("The run whose end nobody knew."),
    as: choice(["verified", "failed", "undone"]),
    evidence: words("How that was found out."),
    file: maybe(
      Type.Object(
        { name: Type.String({ minLength: 1, maxLength: 200 }), base64: Type.String({ minLength: 4, maxLength: 1_398_104 }) },
        {
          description: "A file that it rests on, of up to 1 MiB: its digest is logged, and its bytes are kept beside the ledger.",
          ...closed,
        },
      ),
    ),
  },
  { $id: "Reconcile", ...closed },
);

export const tokenBody = Type.Object(
  {
    principal: Type.String({
      pattern: PATTERNS.principal,
      description: "Whose token: human:…, agent:… or workload:….",
    }),
    label: maybe(words("What it is for.")),
  },
  { $id: "TokenRequest", ...closed },
);

/** Bodies that the API itself takes apart. */
export const policyBody = Type.Object(
  { text: Type.String({ description: "A policy bundle, as YAML." }) },
  { $id: "PolicyText", ...closed },
);
export const explainBody = Type.Object(
  {
    change: Type.String({ minLength: 1, maxLength: 64, description: "Whose facts to judge." }),
    text: maybe(Type.String({ description: "A bundle to judge by; without it, the one in force." })),
  },
  { $id: "PolicyQuestion", ...closed },
);

const limit = (maximum: number, standard: number) => maybe(Type.Integer({ minimum: 1, maximum, default: standard }));
const position = (description: string) => maybe(Type.Integer({ minimum: 0, description }));

export const noQuery = Type.Object({}, closed);
export const listQuery = Type.Object(
  {
    status: maybe(Type.Array(choice(STATUSES), { maxItems: STATUSES.length, description: "One or more, separated by commas." })),
    proposer: maybe(Type.String({ maxLength: 80 })),
    mine: maybe(Type.Boolean({ description: "Only what the caller proposed." })),
    limit: limit(200, 50),
    cursor: maybe(Type.String({ maxLength: 512 })),
  },
  { ...closed, style: "form", explode: false },
);
export const planQuery = Type.Object(
  {
    format: maybe(choice(["json", "text"])),
    width: maybe(Type.Integer({ minimum: 40, maximum: 400, default: 100 })),
    color: maybe(Type.Boolean({ default: false })),
  },
  closed,
);
export const eventsQuery = Type.Object({ from: position("The first event's number in the change."), limit: limit(1000, 100) }, closed);
const MOST_WAIT_SECONDS = 55;
export const waitQuery = Type.Object(
  {
    since: position("The version the caller has: answered when the change's is greater."),
    timeout: maybe(Type.Integer({ minimum: 0, maximum: MOST_WAIT_SECONDS, default: 25, description: "Seconds." })),
  },
  closed,
);
export const entriesQuery = Type.Object({ from: position("The first index."), limit: limit(1000, 100) }, closed);
export const inclusionQuery = Type.Object(
  { index: Type.Integer({ minimum: 0 }), size: position("Of the tree to prove against; without it, the present one.") },
  closed,
);
export const consistencyQuery = Type.Object({ from: Type.Integer({ minimum: 0 }), to: Type.Integer({ minimum: 0 }) }, closed);
