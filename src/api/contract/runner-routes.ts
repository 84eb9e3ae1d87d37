import { Type } from "typebox";
import { PATTERNS } from "../../core/base/index.ts";
import type { EnrolmentView, RunnerView } from "../../control/runners-types.ts";
import { anything, choice, closed, digest, maybe, millis, ref, shape, text } from "./parts.ts";
import type { CallerKind, RouteContract } from "./table.ts";

const HUMAN: readonly CallerKind[] = ["human"];
const ENROLLED: readonly CallerKind[] = ["enrolled"];
const ANYBODY: readonly CallerKind[] = ["human", "agent", "workload", "runner", "anonymous"];

const name = Type.String({ pattern: PATTERNS.name });
const names = Type.Array(name, { maxItems: 64 });
const connectors = Type.Array(Type.Object({ name, digest: digest("Of its code and declarations.") }, closed), { maxItems: 64 });

export const runner = shape<RunnerView>()(
  Type.Object(
    {
      id: text(),
      status: choice(["invited", "connected", "absent", "revoked"], "Connected and absent are as this node sees it."),
      label: text(),
      invited_by: text(),
      created_at: millis("When it was invited"),
      updated_at: millis("When it last enrolled, began a session or was revoked"),
      token_ends_at: maybe(millis("Of an invitation: until when it can be used")),
      allowed_environments: Type.Array(Type.String(), { description: "The only ones that it may serve; any, where none are named." }),
      environments: Type.Array(Type.String()),
      labels: Type.Array(Type.String()),
      connectors,
      epoch: Type.Integer({ description: "How often its process has begun." }),
    },
    { $id: "Runner", ...closed, description: "A runner elsewhere, and what it is there for." },
  ),
);
export const runnerList = Type.Object({ runners: Type.Array(ref(runner)) }, { $id: "RunnerList", ...closed });
export const newRunner = Type.Object(
  { token: text("With which it enrols, once; shown this once."), view: ref(runner) },
  { $id: "NewRunner", ...closed },
);
export const enrolment = shape<EnrolmentView>()(
  Type.Object(
    {
      runner: text("What it is called from now on."),
      trust: Type.Object(
        {
          origin: text("The deployment's name."),
          log_keys: Type.Array(Type.String()),
          grant_keys: Type.Record(Type.String(), Type.String(), { description: "Raw Ed25519 keys in base64, by key id." }),
        },
        closed,
      ),
    },
    { $id: "Enrolment", ...closed },
  ),
);

export const declaration = Type.Object({ connectors, environments: names, labels: names }, { $id: "Declaration", ...closed });
export const inviteBody = Type.Object(
  { label: Type.String({ minLength: 1, maxLength: 200, description: "What it is called." }), environments: maybe(names) },
  { $id: "RunnerInvitation", ...closed },
);
export const enrolBody = Type.Object(
  {
    token: Type.String(),
    key: Type.String({ pattern: "^[A-Za-z0-9+/]{43}=$", description: "Its raw Ed25519 public key, in base64." }),
    declared: ref(declaration),
  },
  { $id: "EnrolmentRequest", ...closed },
);
export const sessionBody = Type.Object(
  { epoch: Type.Integer({ minimum: 1 }), declared: ref(declaration) },
  { $id: "SessionRequest", ...closed },
);
export const session = Type.Object({ epoch: Type.Integer() }, { $id: "Session", ...closed });

const idList = maybe(Type.Array(Type.String({ pattern: PATTERNS.id }), { maxItems: 64, description: "Separated by commas." }));
export const workQuery = Type.Object(
  {
    has: idList,
    runs: idList,
    wait: maybe(Type.Integer({ minimum: 0, maximum: 55, default: 25, description: "Seconds." })),
  },
  { ...closed, style: "form", explode: false },
);
export const workList = Type.Object(
  { work: Type.Array(anything("What is asked: its id, its kind, and what that needs.")) },
  { $id: "WorkList", ...closed },
);
export const answerBody = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 64 }), answer: anything('`{"ok"}` or `{"error"}`.') },
  { $id: "WorkAnswer", ...closed },
);
export const taken = Type.Object(
  { taken: Type.Boolean({ description: "False where nobody waits for it any more." }) },
  { $id: "Taken", ...closed },
);

const DESK = ["offer", "start", "begin", "finish", "check", "standing", "beginUndo", "stale", "report"] as const;
export const deskBody = Type.Object(
  { call: choice(DESK) },
  {
    $id: "DeskCall",
    additionalProperties: true,
    description: "One call of the desk, with its members beside it. What becomes evidence carries the runner's own signature.",
  },
);
export const deskAnswer = Type.Object(
  { result: anything('`{"ok"}` or `{"error"}`, as the lifecycle decided.') },
  { $id: "DeskAnswer", ...closed },
);
export const progressBody = Type.Object(
  {
    change: Type.String({ minLength: 1, maxLength: 64 }),
    lines: Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), { maxItems: 100 }),
  },
  { $id: "ProgressLines", ...closed },
);

/** What runners elsewhere ask for, and who looks after them. */
export const runnerRoutes = {
  inviteRunner: {
    method: "POST",
    path: "/v1/runners/tokens",
    tag: "runners",
    summary: "Invite a runner: make its one-time token",
    callers: HUMAN,
    trace: { kind: "writes", entries: ["runner_invited"] },
    body: inviteBody,
    status: 201,
    answer: ref(newRunner),
  },
  listRunners: {
    method: "GET",
    path: "/v1/runners",
    tag: "runners",
    summary: "List runners, newest first",
    callers: HUMAN,
    trace: { kind: "reads" },
    answer: ref(runnerList),
  },
  revokeRunner: {
    method: "DELETE",
    path: "/v1/runners/:id",
    tag: "runners",
    summary: "Revoke a runner for good",
    callers: HUMAN,
    trace: { kind: "writes", entries: ["runner_revoked"] },
    lane: "reserved",
    answer: ref(runner),
  },
  enrolRunner: {
    method: "POST",
    path: "/v1/runners/enrolment",
    tag: "runners",
    summary: "Enrol as a runner, with the one-time token",
    callers: ANYBODY,
    trace: { kind: "writes", entries: ["runner_enrolled"] },
    body: enrolBody,
    status: 201,
    answer: ref(enrolment),
  },
  openSession: {
    method: "POST",
    path: "/v1/runner/session",
    tag: "runners",
    summary: "Begin a life of the runner's process",
    callers: ENROLLED,
    trace: { kind: "writes", entries: ["runner_session"] },
    body: sessionBody,
    answer: ref(session),
  },
  takeWork: {
    method: "GET",
    path: "/v1/runner/poll",
    tag: "runners",
    summary: "Wait for work",
    callers: ENROLLED,
    trace: { kind: "reads" },
    query: workQuery,
    answer: ref(workList),
  },
  answerWork: {
    method: "POST",
    path: "/v1/runner/answers",
    tag: "runners",
    summary: "Answer what was asked",
    callers: ENROLLED,
    trace: { kind: "exception", why: "Tells what a connector found; what is made of it stands in the change's own entries." },
    body: answerBody,
    answer: ref(taken),
  },
  reportRun: {
    method: "POST",
    path: "/v1/runner/desk",
    tag: "runners",
    summary: "Take a grant, and report its run",
    callers: ENROLLED,
    trace: {
      kind: "writes",
      entries: [
        "run_started",
        "effect_started",
        "effect_done",
        "checked",
        "undo_started",
        "staled",
        "verified",
        "failed",
        "undone",
        "indeterminate",
      ],
    },
    body: deskBody,
    answer: ref(deskAnswer),
  },
  reportProgress: {
    method: "POST",
    path: "/v1/runner/progress",
    tag: "runners",
    summary: "Tell whoever watches how a run goes on",
    callers: ENROLLED,
    trace: { kind: "exception", why: "Lines for whoever watches at the moment: they are evidence of nothing, and kept nowhere." },
    body: progressBody,
    answer: ref(taken),
  },
} as const satisfies Record<string, RouteContract>;
