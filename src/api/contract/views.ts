import { Type } from "typebox";
import type { Status, StepOutcome } from "../../core/change/index.ts";
import type { Outcome } from "../../core/policy/index.ts";
import type { ChangeView, EventView, ListView, ProofView, TokenView, WhoView } from "../../control/types.ts";
import { glass } from "./glass-routes.ts";
import { anything, choice, closed, digest, hex32, maybe, millis, ref, shape, text } from "./parts.ts";

export const STATUSES = [
  "proposed",
  "planned",
  "sent_back",
  "blocked",
  "rejected",
  "awaiting",
  "authorised",
  "running",
  "applied",
  "verified",
  "failed",
  "undone",
  "indeterminate",
  "stale",
  "expired",
  "withdrawn",
  "superseded",
] as const satisfies readonly Status[];

export const OUTCOME_NAMES = ["auto", "review", "escalate", "revise", "block"] as const satisfies readonly Outcome[];

const signature = Type.Object({ person: text(), name: text(), at: millis("When"), channel: text() }, closed);

const seat = Type.Object(
  {
    id: text(),
    who: Type.Array(Type.String(), { description: "Who may sit here, in words." }),
    count: Type.Integer({ minimum: 1, description: "How many distinct people it needs." }),
    strength: choice(["session", "passkey"]),
    signed_by: Type.Array(signature),
    missing: Type.Integer({ minimum: 0 }),
    unfillable: Type.Boolean({ description: "Nobody who may sit here is left." }),
    step: maybe(text("The step it is for, where it is not for the change as a whole.")),
    glass: maybe(text("The name of the emergency route, in its one seat.")),
  },
  closed,
);

const instruction = Type.Object({ rule: text(), code: text(), message: text(), resource: maybe(text()) }, closed);

export const STEP_OUTCOMES = [
  "not_begun",
  "under_way",
  "done",
  "no_effect",
  "undoing",
  "undone",
  "unknown",
] as const satisfies readonly StepOutcome[];

const step = Type.Object(
  {
    id: text(),
    connector: text(),
    outcome: choice(STEP_OUTCOMES),
  },
  { ...closed, description: "What became of one step. `unknown`: it may have happened or not." },
);

export const checked = Type.Object(
  { n: Type.Integer(), result: choice(["held", "failed", "unknown"]), at: millis("When") },
  { ...closed, description: "The latest look at what was applied." },
);

const run = Type.Object(
  {
    id: text(),
    runner: text(),
    started_at: millis("When the grant was consumed"),
    steps_begun: Type.Array(Type.String()),
    steps_done: Type.Array(Type.String()),
    steps: Type.Array(step),
    stopped_by: maybe(text("Who had it go no further.")),
    watched_until: maybe(millis("Until then what was applied must hold")),
    checked: maybe(checked),
  },
  closed,
);

export const change = shape<ChangeView>()(
  Type.Object(
    {
      id: text(),
      status: choice(STATUSES),
      version: Type.Integer({ minimum: 1, description: "Grows with every event; `wait` and the stream speak of it." }),
      revision: Type.Integer({ minimum: 1 }),
      title: text(),
      summary: text(),
      proposer: text(),
      on_behalf_of: text(),
      owner: text(),
      connectors: Type.Array(Type.String()),
      created_at: millis("When it was proposed"),
      updated_at: millis("When it last moved"),
      expires_at: millis("Past this it may not start"),
      next: text("What happens next, and who must do it."),
      outcome: maybe(choice(OUTCOME_NAMES)),
      review_digest: maybe(digest("What a vote must name: exactly what is under review.")),
      plan_digest: maybe(digest()),
      state_digest: maybe(digest()),
      payload_digest: maybe(digest()),
      seats: maybe(Type.Array(seat)),
      holds: maybe(Type.Array(Type.String(), { description: "What keeps it from starting, in words." })),
      held_until: maybe(millis("When all of them let it go, where that is known")),
      not_before: maybe(millis("Before this it does not start")),
      glass: maybe(Type.Array(ref(glass), { description: "Each time that the glass was broken for it." })),
      because: maybe(
        Type.Object({ code: text(), text: maybe(text()), details: maybe(anything("What the code stands for, in full.")) }, closed),
      ),
      instructions: maybe(Type.Array(instruction, { description: "To the proposer: what to mend." })),
      drift: maybe(Type.Object({ expected: digest(), observed: digest() }, closed)),
      run: maybe(run),
      waits_for: maybe(
        Type.Object(
          { change: text(), status: choice(STATUSES) },
          { ...closed, description: "Another change whose run has not ended on something that this one touches." },
        ),
      ),
      grant: maybe(text()),
      superseded_by: maybe(text()),
    },
    { $id: "Change", ...closed, description: "A change as its caller may see it." },
  ),
);

export const changeList = shape<ListView>()(
  Type.Object(
    { changes: Type.Array(ref(change)), cursor: maybe(text("Present when there are more: pass it as `cursor`.")) },
    { $id: "ChangeList", ...closed },
  ),
);

const event = shape<EventView>()(
  Type.Object(
    {
      index: Type.Integer({ description: "Position in the ledger." }),
      n: Type.Integer(),
      type: text(),
      at: millis("When"),
      event: anything("The event, as the ledger has it."),
    },
    closed,
  ),
);
export const eventList = Type.Object({ events: Type.Array(event) }, { $id: "EventList", ...closed });

export const who = shape<WhoView>()(
  Type.Object(
    {
      principal: text(),
      kind: choice(["human", "agent", "workload", "runner"]),
      name: text(),
      roles: Type.Array(Type.String()),
      groups: Type.Array(Type.String()),
      owner: maybe(text("Of a machine: the human who answers for it.")),
    },
    { $id: "Who", ...closed },
  ),
);

export const token = shape<TokenView>()(
  Type.Object(
    {
      id: text(),
      principal: text(),
      label: text(),
      created_at: millis("When"),
      expires_at: maybe(millis("When it ends")),
      revoked: Type.Boolean(),
    },
    { $id: "Token", ...closed, description: "A bearer token without its secret, of which only a hash is stored." },
  ),
);
export const tokenList = Type.Object({ tokens: Type.Array(ref(token)) }, { $id: "TokenList", ...closed });
export const newToken = Type.Object({ token: text("The secret, shown this once."), view: ref(token) }, { $id: "NewToken", ...closed });

export const inclusionProof = shape<ProofView>()(
  Type.Object(
    {
      index: Type.Integer(),
      size: Type.Integer(),
      leaf_hash: text(),
      proof: Type.Array(Type.String(), { description: "Sibling hashes, lowest first." }),
      checkpoint: text("The signed note that the proof leads to."),
    },
    { $id: "InclusionProof", ...closed },
  ),
);
export const consistencyProof = Type.Object(
  { from: Type.Integer(), to: Type.Integer(), proof: Type.Array(Type.String()) },
  { $id: "ConsistencyProof", ...closed },
);

export const ledgerHead = Type.Object(
  {
    origin: text("The log's name."),
    size: Type.Integer(),
    root: hex32("Root of the tree"),
    checkpoint: text("The C2SP signed note that says so."),
    vkeys: Type.Array(Type.String(), { description: "Verifier keys of the log, newest first." }),
  },
  { $id: "LedgerHead", ...closed },
);
const ledgerEntry = Type.Object(
  {
    index: Type.Integer(),
    stream: text(),
    entry: text("The entry's exact bytes as text: canonical JSON."),
    leaf_hash: hex32("RFC 6962 leaf hash of those bytes"),
  },
  closed,
);
export const ledgerEntries = Type.Object(
  { entries: Type.Array(ledgerEntry), size: Type.Integer({ description: "Entries in the whole ledger." }) },
  { $id: "LedgerEntries", ...closed },
);

const check = Type.Object({ name: text(), ok: Type.Boolean(), text: maybe(text("Only for a human's credential.")) }, closed);
export const health = Type.Object({ ok: Type.Boolean(), version: text(), checks: Type.Array(check) }, { $id: "Health", ...closed });
