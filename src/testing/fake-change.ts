import { digestOf, type ChangeId, type Digest, type Json, type PrincipalId } from "../core/base/index.ts";
import type { Status } from "../core/change/index.ts";
import type { Plan } from "../core/plan/index.ts";
import type { Presentation } from "../core/presentation/index.ts";
import type { ChangeView, EventView, PlanView } from "../control/types.ts";

/** One change of the fake control: a view that is replaced, and the events that moved it. */
export interface FakeChange {
  view: ChangeView;
  readonly events: EventView[];
  votes: { person: string; decision: string }[];
  readonly needs: number;
  /** When set, nobody else sees it. */
  readonly onlyFor?: PrincipalId;
}

const DAY = 86_400_000;

export function fakeView(id: string, proposer: PrincipalId, owner: PrincipalId, title: string, at: number): ChangeView {
  return {
    id: id as ChangeId,
    status: "proposed",
    version: 0,
    revision: 1,
    title,
    summary: "",
    proposer,
    on_behalf_of: owner,
    owner,
    connectors: ["fake"],
    created_at: at,
    updated_at: at,
    expires_at: at + DAY,
    next: "Being planned.",
  };
}

const digest = (...parts: string[]): Digest => digestOf(parts.join("\n"));
const ran = (id: string, at: number) => ({
  id: `run_${id}`,
  runner: "runner_fake",
  started_at: at,
  steps_begun: ["step-1"],
  steps_done: [],
  steps: [{ id: "step-1", connector: "fake", outcome: "under_way" as const }],
});

/** What a view shows beside its status once the change is there. */
export function viewIn(status: Status, { view, votes, needs }: FakeChange, at: number): Partial<ChangeView> {
  const revision = `${view.id} ${view.revision}`;
  const reviewed = {
    outcome: "review" as const,
    review_digest: digest(revision, "review"),
    plan_digest: digest(revision, "plan"),
    state_digest: digest(revision, "state"),
    payload_digest: digest(revision, "payload"),
    holds: [],
    seats: [seatOf(votes, needs, at)],
  };
  switch (status) {
    case "awaiting":
      return reviewed;
    case "authorised":
      return { ...reviewed, grant: `grant_${view.id}` };
    case "running":
    case "verified":
      return { ...reviewed, grant: `grant_${view.id}`, run: ran(view.id, at) as unknown as NonNullable<ChangeView["run"]> };
    case "indeterminate":
    case "failed":
    case "undone":
      return { ...reviewed, run: ran(view.id, at) as unknown as NonNullable<ChangeView["run"]>, because: { code: "runner_gone" } };
    case "stale":
      return { ...reviewed, drift: { expected: digest(revision, "state"), observed: digest(revision, "moved") } };
    case "sent_back":
      return { because: { code: "reviewer", text: "say why" }, instructions: [{ rule: "reviewer", code: "reviewer", message: "say why" }] };
    default:
      return {};
  }
}

function seatOf(votes: FakeChange["votes"], needs: number, at: number): NonNullable<ChangeView["seats"]>[number] {
  const approvals = votes.filter((vote) => vote.decision === "approve");
  return {
    id: "owner",
    who: ["role reviewer"],
    count: needs,
    strength: "session",
    signed_by: approvals.map(({ person }) => ({ person, name: person, at, channel: "api" })),
    missing: Math.max(0, needs - approvals.length),
    unfillable: false,
  };
}

/** A plan with one step and no effect worth the name. */
export function fakePlan(view: ChangeView): PlanView {
  const { id, title, summary, proposer, on_behalf_of: onBehalfOf } = view;
  const scope = { origin: "derived" as const, systems: ["fake"], environments: ["test"], operations: [], resources: [], limits: {} };
  const step = {
    id: "step-1",
    connector: "fake",
    operation: "nothing",
    target: {},
    stateDigest: digest(id, "state"),
    payloadDigest: digest(id, "payload"),
    observations: [],
    effects: [],
    undo: { kind: "manual" as const, text: "Nothing to undo.", provenance: "derived" as const },
  };
  const plan: Plan = {
    schema: "pawl/change-plan/v1",
    change: id,
    intent: { title, summary, proposal: digest(id, "proposal"), author: proposer, proposer, onBehalfOf, scope },
    steps: [step],
    findings: [],
    impact: [],
    evidence: [],
    unverified: [],
    assumptions: [],
  };
  const names = ["plan", "state", "route", "bundle", "presentation", "review", "payload"] as const;
  const digests = Object.fromEntries(names.map((name) => [name, digest(id, name)])) as PlanView["digests"];
  const presentation: Presentation = {
    schema: "pawl/presentation/v1",
    change: id,
    plan: digests.plan,
    state: digests.state,
    route: digests.route,
    proposal: plan.intent.proposal,
    title,
    author: proposer,
    proposer,
    onBehalfOf,
    outcome: "review",
    alerts: [],
    sections: [],
  };
  const trace = [
    {
      rule: "everything",
      outcome: "review" as const,
      fired: true,
      when: "true",
      reason: "all is reviewed",
      parts: [{ text: "true", value: true as Json }],
    },
  ];
  return { change: view, plan, presentation, trace, context: { "step-1": { base: "0000000" } }, digests };
}
