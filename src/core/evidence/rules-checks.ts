/** What was asked, what was planned, which policy judged it, and what reviewers were shown. */
import { canonical, digestJson, type Digest, type Json, type Millis } from "../base/index.ts";
import { payloadOf, stepDigests } from "../change/index.ts";
import { planDigest, stateDigestOf, type Plan, type Proposal } from "../plan/index.ts";
import { evaluate, factsOf, loadBundle, type Evaluation, type Route } from "../policy/index.ts";
import { present } from "../presentation/index.ts";
import { documentOf, textOf, toldOf, type EventOf, type Story, type Told } from "./story.ts";
import { no, open, plural, yes, type Check } from "./types.ts";

type Routed = Told & { readonly event: EventOf<"routed"> };

/** Each check is made for every route that the change was given, and told of once: the first that fails, or all that hold. */
function forEachRoute(
  story: Story,
  name: string,
  holds: string,
  judge: (routed: Routed) => string | { readonly open: string } | undefined,
): Check[] {
  const routed = toldOf(story, "routed");
  if (routed.length === 0) return [];
  const unsure: string[] = [];
  for (const each of routed) {
    const fault = judge(each);
    if (typeof fault === "string") return [no(name, fault)];
    if (fault !== undefined) unsure.push(fault.open);
  }
  return [
    unsure[0] === undefined
      ? yes(name, `${holds}${routed.length === 1 ? "" : ` (${plural(routed.length, "time")})`}`)
      : open(name, unsure[0]),
  ];
}

/** What the change was asked to be by its latest proposal is what its plan was made for. */
export function requestChecks(story: Story): Check[] {
  const asked = story.told.findLast(
    (each): each is Told & { event: EventOf<"proposed" | "revised"> } => each.event.type === "proposed" || each.event.type === "revised",
  );
  if (asked === undefined) return [no("request", "nobody proposed it")];
  const found = documentOf(story, asked.event.proposal);
  if ("missing" in found) return [open("request", `what was proposed ${found.missing}; its digest is ${asked.event.proposal}`)];
  const proposal = found.value as unknown as Proposal;
  const { proposer, onBehalfOf } = story.end.parties;
  if (proposal.proposer !== proposer || proposal.onBehalfOf !== onBehalfOf)
    return [no("request", "the proposal names other people than the entries")];
  return [yes("request", `"${proposal.title}", proposed by ${proposer} for ${onBehalfOf}`)];
}

export function planChecks(story: Story): Check[] {
  const planned = toldOf(story, "planned");
  const last = planned.at(-1);
  if (last === undefined) return [];
  const unsure: string[] = [];
  for (const { event, before } of planned) {
    const found = documentOf(story, event.object.plan);
    if ("missing" in found) {
      unsure.push(`the plan ${event.object.plan} ${found.missing}`);
      continue;
    }
    const plan = found.value as unknown as Plan;
    const codes = new Map(event.stepDigests.map(({ id, code }) => [id, code]));
    const wrong = [
      planDigest(plan) === event.object.plan ? undefined : "its digest is not the one in the log",
      stateDigestOf(plan) === event.object.state ? undefined : "its state digest is not the one in the log",
      payloadOf(event.stepDigests) === event.payload ? undefined : "its payload digest is not that of its steps",
      sameSteps(
        stepDigests(plan, (id) => codes.get(id) ?? event.payload),
        event.stepDigests,
      )
        ? undefined
        : "its steps are not those in the log",
      plan.change === story.bundle.change && plan.intent.proposal === before?.proposal ? undefined : "it is the plan of another request",
    ].find((text) => text !== undefined);
    if (wrong !== undefined) return [no("plan", wrong)];
  }
  if (unsure[0] !== undefined) return [open("plan", unsure[0])];
  return [yes("plan", `${last.event.object.plan}: state, steps and what may run are those of the log`)];
}

const sameSteps = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

/** The text that was in force when a route was made, as far as the entries that are here tell. */
export function inForce(
  story: Story,
  kind: "policy" | "directory",
  before: number,
): { readonly index: number; readonly digest: Digest } | undefined {
  const found = story.context.findLast(({ stream, index }) => stream === `config/${kind}` && index < before);
  return found === undefined ? undefined : { index: found.index, digest: found.event["digest"] as Digest };
}

/** The digest of the policy's bundle in force, where its text is here and this version can read it. */
export function bundleInForce(story: Story, index: number): Digest | undefined {
  const seen = inForce(story, "policy", index);
  const text = seen && textOf(story, seen.digest);
  const loaded = text === undefined ? undefined : loadBundle(text);
  return loaded?.ok === true ? loaded.value.digest : undefined;
}

interface Judged {
  readonly policy: Digest;
  readonly at: Millis;
}

function judgedOf(story: Story, routed: Routed): Judged | undefined {
  const { before } = routed;
  if (before === undefined || !("context" in before)) return undefined;
  const found = documentOf(story, before.context);
  return "missing" in found ? undefined : (found.value as unknown as { readonly judged?: Judged }).judged;
}

/** Broken glass is decided on the policy of its own moment, whatever the plan was judged by before. */
const isEmergency = ({ event }: Routed): boolean => event.seats.some(({ glass }) => glass !== undefined);

function emergencyRules(story: Story, { index }: Routed): Pick<Judged, "policy"> | undefined {
  const seen = inForce(story, "policy", index);
  return seen === undefined ? undefined : { policy: seen.digest };
}

/** The policy's text is the bundle that was signed, and was in force. */
export function policyChecks(story: Story): Check[] {
  return forEachRoute(story, "policy", "its text is the one whose digest was signed, and was in force", (routed) => {
    const judged = isEmergency(routed) ? emergencyRules(story, routed) : judgedOf(story, routed);
    if (judged === undefined) return { open: "which text of the policy judged it is not here" };
    const text = textOf(story, judged.policy);
    if (text === undefined) return { open: `the policy's text ${judged.policy} is not here` };
    const loaded = loadBundle(text);
    if (!loaded.ok) return { open: `this version cannot read the policy: ${loaded.error[0]?.message ?? ""}` };
    if (loaded.value.digest !== routed.event.review.bundle) return "the policy's text is not the one that was signed";
    const seen = inForce(story, "policy", routed.index);
    return seen?.digest === judged.policy ? undefined : "the entries do not show that policy in force";
  });
}

/** Between judging and being on record: more than any store takes, and less than a freeze is worth. */
const MOMENT_MILLIS = 10 * 60_000;

/** The policy, evaluated again here, comes to the same route. */
export function routeChecks(story: Story): Check[] {
  return forEachRoute(story, "route", "outcome and seats are what that policy says of that plan: evaluated again here", (routed) => {
    const { review, outcome, seats, holds } = routed.event;
    const found = documentOf(story, review.route);
    if ("missing" in found) return { open: `the route ${review.route} ${found.missing}` };
    const route = found.value as unknown as Route;
    if (canonical({ outcome, seats, holds }) !== canonical({ outcome: route.outcome, seats: route.seats, holds: route.holds }))
      return "the route's document says otherwise than the entry";
    if (isEmergency(routed))
      return { open: "the glass was broken: one person decided in an emergency, and not as policy has it otherwise" };
    const moment = judgedOf(story, routed)?.at ?? routed.event.at;
    if (Math.abs(moment - routed.event.at) > MOMENT_MILLIS)
      return { open: `the policy was judged as of ${new Date(moment).toISOString()}, and not of the moment at which it is on record` };
    const again = evaluatedAgain(story, routed);
    if (again === undefined) return { open: "it cannot be evaluated again: plan, policy or moment are not here" };
    if (again.routeDigest === review.route) return undefined;
    const { route: made } = again;
    // Words and notes of a version may be others; what it asks of people is not.
    if (canonical({ outcome, seats, holds }) !== canonical({ outcome: made.outcome, seats: made.seats, holds: made.holds }))
      return `the policy comes to ${made.outcome} with ${plural(made.seats.length, "seat")}; the entry says ${outcome} with ${seats.length}`;
    return { open: "this version words the route otherwise; outcome, seats and holds are the same" };
  });
}

function evaluatedAgain(story: Story, routed: Routed): Evaluation | undefined {
  const judged = judgedOf(story, routed);
  const plan = documentOf(story, routed.event.review.plan);
  const text = judged && textOf(story, judged.policy);
  const bundle = text === undefined ? undefined : loadBundle(text);
  if (judged === undefined || bundle?.ok !== true || "missing" in plan || routed.before === undefined) return undefined;
  const { revision, parties } = routed.before;
  return evaluate(bundle.value, factsOf(plan.value as unknown as Plan, { revision, parties, now: judged.at }));
}

/** What reviewers were shown is laid out again from plan and route. */
export function presentationChecks(story: Story): Check[] {
  return forEachRoute(
    story,
    "shown",
    "what reviewers were shown is all of plan and route: laid out again here",
    ({ event: { review } }) => {
      const [plan, route, shown] = [review.plan, review.route, review.presentation].map((digest) => documentOf(story, digest));
      if (shown === undefined || "missing" in shown) return { open: `what was shown ${shown?.missing ?? ""}` };
      if (plan === undefined || route === undefined || "missing" in plan || "missing" in route)
        return { open: "plan or route are not here" };
      const { plan: ofPlan, state, route: ofRoute } = shown.value as unknown as Readonly<Record<string, Json>>;
      if (ofPlan !== review.plan || state !== review.state || ofRoute !== review.route) return "what was shown is of another plan or route";
      const again = digestJson(present(plan.value as unknown as Plan, route.value as unknown as Route));
      return again === review.presentation
        ? undefined
        : { open: "this version would lay it out otherwise; the document is the one that was signed" };
    },
  );
}
