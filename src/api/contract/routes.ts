import { Type, type Static, type TSchema } from "typebox";
import { evidenceRoutes, exportPage } from "./evidence-routes.ts";
import * as glasses from "./glass-routes.ts";
import { ref } from "./parts.ts";
import * as plans from "./plan-views.ts";
import * as asked from "./requests.ts";
import type { CallerKind, RouteContract, Trace } from "./table.ts";
import * as runs from "./run-routes.ts";
import * as runners from "./runner-routes.ts";
import * as views from "./views.ts";

const HUMAN: readonly CallerKind[] = ["human"];
const PROPOSERS: readonly CallerKind[] = ["human", "agent", "workload"];
const KNOWN: readonly CallerKind[] = ["human", "agent", "workload", "runner"];
const ANYBODY: readonly CallerKind[] = [...KNOWN, "anonymous"];

const READS: Trace = { kind: "reads" };
const writes = (...entries: string[]): Trace => ({ kind: "writes", entries });
const exception = (why: string): Trace => ({ kind: "exception", why });

const changed = ref(views.change);
const PREFER = {
  Prefer:
    "`wait=N`: be answered with the decision if it is there within N seconds, at most 30; `respond-async`: at once, before it is planned.",
};

/** Every route there is. Handlers, authorisation, rate limits, OpenAPI and the tests are all made from this table. */
const routes = {
  propose: {
    method: "POST",
    path: "/v1/changes",
    tag: "changes",
    summary: "Propose a change",
    callers: PROPOSERS,
    trace: writes("proposed"),
    headers: {
      "Idempotency-Key":
        "1 to 128 visible ASCII characters. The same key with the same body answers with the same change; with another body it is 409.",
      ...PREFER,
    },
    body: asked.proposal,
    status: 201,
    answer: changed,
  },
  listChanges: {
    method: "GET",
    path: "/v1/changes",
    tag: "changes",
    summary: "List changes, newest first",
    callers: KNOWN,
    trace: READS,
    query: asked.listQuery,
    answer: ref(views.changeList),
  },
  readChange: {
    method: "GET",
    path: "/v1/changes/:id",
    tag: "changes",
    summary: "Read a change",
    callers: KNOWN,
    trace: READS,
    answer: changed,
  },
  readPlan: {
    method: "GET",
    path: "/v1/changes/:id/plan",
    tag: "changes",
    summary: "Read the plan under review",
    callers: KNOWN,
    trace: READS,
    query: asked.planQuery,
    answer: ref(plans.planView),
    also: { type: "text/plain", description: "The same, as a person reads it: with format=text or Accept: text/plain." },
  },
  readEvents: {
    method: "GET",
    path: "/v1/changes/:id/events",
    tag: "changes",
    summary: "Read what happened to a change, oldest first",
    callers: KNOWN,
    trace: READS,
    query: asked.eventsQuery,
    answer: ref(views.eventList),
  },
  waitForChange: {
    method: "GET",
    path: "/v1/changes/:id/wait",
    tag: "changes",
    summary: "Wait until a change moves",
    callers: KNOWN,
    trace: READS,
    query: asked.waitQuery,
    answer: changed,
  },
  vote: {
    method: "POST",
    path: "/v1/changes/:id/votes",
    tag: "review",
    summary: "Approve or reject what is under review",
    callers: HUMAN,
    trace: writes("voted", "rejected"),
    lane: "reject",
    body: asked.voteBody,
    answer: changed,
  },
  withdrawVote: {
    method: "DELETE",
    path: "/v1/changes/:id/votes",
    tag: "review",
    summary: "Take back the caller's own vote",
    callers: HUMAN,
    trace: writes("vote_withdrawn"),
    lane: "reserved",
    answer: changed,
  },
  sendBack: {
    method: "POST",
    path: "/v1/changes/:id/send-back",
    tag: "review",
    summary: "Send a change back to its proposer",
    callers: HUMAN,
    trace: writes("sent_back"),
    body: asked.sendBackBody,
    answer: changed,
  },
  withdraw: {
    method: "POST",
    path: "/v1/changes/:id/withdraw",
    tag: "changes",
    summary: "Take a change back for good",
    callers: PROPOSERS,
    trace: writes("withdrawn"),
    lane: "reserved",
    answer: changed,
  },
  revise: {
    method: "POST",
    path: "/v1/changes/:id/revisions",
    tag: "changes",
    summary: "Propose a new revision of a change",
    callers: PROPOSERS,
    trace: writes("revised"),
    headers: PREFER,
    body: asked.proposal,
    answer: changed,
  },
  replan: {
    method: "POST",
    path: "/v1/changes/:id/replan",
    tag: "changes",
    summary: "Observe the state and plan again",
    callers: PROPOSERS,
    trace: writes("planned", "sent_back", "blocked"),
    answer: changed,
  },
  run: {
    method: "POST",
    path: "/v1/changes/:id/run",
    tag: "changes",
    summary: "Start an authorised change that waits for it",
    callers: PROPOSERS,
    trace: writes("run_started", "staled"),
    answer: changed,
  },
  ...runs.runRoutes,
  readGrant: {
    method: "GET",
    path: "/v1/changes/:id/grant",
    tag: "changes",
    summary: "Read the signed grant",
    callers: ["human", "runner"],
    trace: READS,
    answer: ref(plans.envelope),
  },
  ...evidenceRoutes,
  ...glasses.glassRoutes(changed),
  readPolicy: {
    method: "GET",
    path: "/v1/policy",
    tag: "policy",
    summary: "Read the policy in force",
    callers: HUMAN,
    trace: READS,
    answer: ref(plans.policy),
  },
  checkPolicy: {
    method: "POST",
    path: "/v1/policy/check",
    tag: "policy",
    summary: "Look for faults in a bundle",
    callers: HUMAN,
    trace: exception("Judges a text that was sent and keeps nothing."),
    body: asked.policyBody,
    answer: ref(plans.policyCheck),
  },
  testPolicy: {
    method: "POST",
    path: "/v1/policy/test",
    tag: "policy",
    summary: "Run the cases of a bundle",
    callers: HUMAN,
    trace: exception("Runs the cases of a text that was sent and keeps nothing."),
    body: asked.policyBody,
    answer: ref(plans.policyTest),
  },
  explainPolicy: {
    method: "POST",
    path: "/v1/policy/explain",
    tag: "policy",
    summary: "Say why a change is routed as it is",
    callers: HUMAN,
    trace: exception("Evaluates a change's facts anew and keeps nothing; the route in force is untouched."),
    body: asked.explainBody,
    answer: ref(plans.policyExplanation),
  },
  readConnectors: {
    method: "GET",
    path: "/v1/connectors",
    tag: "policy",
    summary: "Read the declared operations in force",
    callers: KNOWN,
    trace: READS,
    answer: ref(plans.connectors),
  },
  readDirectory: {
    method: "GET",
    path: "/v1/directory",
    tag: "people",
    summary: "Read who is known here",
    callers: HUMAN,
    trace: READS,
    answer: ref(plans.directory),
  },
  whoami: {
    method: "GET",
    path: "/v1/whoami",
    tag: "people",
    summary: "Say who the caller is",
    callers: KNOWN,
    trace: READS,
    answer: ref(views.who),
  },
  createToken: {
    method: "POST",
    path: "/v1/tokens",
    tag: "people",
    summary: "Make a bearer token",
    callers: HUMAN,
    trace: writes("token_created"),
    body: asked.tokenBody,
    status: 201,
    answer: ref(views.newToken),
  },
  listTokens: {
    method: "GET",
    path: "/v1/tokens",
    tag: "people",
    summary: "List tokens",
    callers: HUMAN,
    trace: READS,
    answer: ref(views.tokenList),
  },
  revokeToken: {
    method: "DELETE",
    path: "/v1/tokens/:id",
    tag: "people",
    summary: "Revoke a token",
    callers: HUMAN,
    trace: writes("token_revoked"),
    lane: "reserved",
    answer: ref(views.token),
  },
  stream: {
    method: "GET",
    path: "/v1/stream",
    tag: "changes",
    summary: "Be told which changes move",
    callers: KNOWN,
    trace: READS,
    headers: { "Last-Event-ID": "Accepted and not looked up: the first event after it is `resync`." },
    answer: {
      type: "text/event-stream",
      description:
        "Events `ready` or `resync`, then `change` with id, version and status, and `progress` with what a runner says while it works; comments as heartbeats.",
    },
  },
  ledgerHead: {
    method: "GET",
    path: "/v1/ledger/head",
    tag: "ledger",
    summary: "Read the ledger's head",
    callers: ANYBODY,
    trace: READS,
    answer: ref(views.ledgerHead),
  },
  ledgerEntries: {
    method: "GET",
    path: "/v1/ledger/entries",
    tag: "ledger",
    summary: "Read entries of the ledger",
    callers: ANYBODY,
    trace: READS,
    query: asked.entriesQuery,
    answer: ref(views.ledgerEntries),
  },
  proveInclusion: {
    method: "GET",
    path: "/v1/ledger/proof/inclusion",
    tag: "ledger",
    summary: "Prove that an entry is in the ledger",
    callers: ANYBODY,
    trace: READS,
    query: asked.inclusionQuery,
    answer: ref(views.inclusionProof),
  },
  proveConsistency: {
    method: "GET",
    path: "/v1/ledger/proof/consistency",
    tag: "ledger",
    summary: "Prove that one size of the ledger is a prefix of another",
    callers: ANYBODY,
    trace: READS,
    query: asked.consistencyQuery,
    answer: ref(views.consistencyProof),
  },
  health: {
    method: "GET",
    path: "/v1/health",
    tag: "service",
    summary: "Say whether all is well",
    callers: ANYBODY,
    trace: READS,
    answer: ref(views.health),
    alsoStatus: 503,
  },
  openapi: {
    method: "GET",
    path: "/v1/openapi.json",
    tag: "service",
    summary: "This contract",
    callers: ANYBODY,
    trace: READS,
    answer: Type.Unsafe<unknown>({ type: "object", description: "An OpenAPI 3.1 document." }),
  },
  checkpoint: {
    method: "GET",
    path: "/checkpoint",
    tag: "ledger",
    summary: "The signed checkpoint (C2SP tlog-tiles)",
    callers: ANYBODY,
    trace: READS,
    answer: { type: "text/plain", description: "A C2SP signed note." },
  },
  tile: {
    method: "GET",
    path: "/tile/*",
    tag: "ledger",
    summary: "A tile or an entry bundle (C2SP tlog-tiles)",
    callers: ANYBODY,
    trace: READS,
    answer: { type: "application/octet-stream", description: "Hashes, or length-prefixed entries." },
  },
  page: {
    method: "GET",
    path: "/",
    tag: "service",
    summary: "What runs here, for a person",
    callers: ANYBODY,
    trace: READS,
    answer: { type: "text/html", description: "A page without script." },
  },
  ...runners.runnerRoutes,
} as const satisfies Record<string, RouteContract>;

export type Routes = typeof routes;
export type RouteId = keyof Routes;
export type QueryOf<R> = R extends { readonly query: infer Q extends TSchema } ? Static<Q> : unknown;
export type AnswerOf<R> = R extends { readonly answer: infer A } ? (A extends TSchema ? Static<A> : never) : never;
export const routeIds = Object.keys(routes) as RouteId[];
export const contractOf = (id: RouteId): RouteContract => routes[id];

/** The named schemas, as the document's components. */
const modules: readonly Readonly<Record<string, unknown>>[] = [views, plans, asked, { exportPage }, runners, runs, glasses];
export const components: readonly (TSchema & { readonly $id: string })[] = modules
  .flatMap((module) => Object.values(module).flat())
  .filter(isNamed);

function isNamed(value: unknown): value is TSchema & { readonly $id: string } {
  return typeof value === "object" && value !== null && "$id" in value;
}
