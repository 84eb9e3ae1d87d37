import { digestJson } from "../base/index.ts";
import type { Digest } from "../base/index.ts";
import { planDigest, stateDigestOf } from "../plan/index.ts";
import type { Plan } from "../plan/index.ts";
import type { Outcome, Route, Seat } from "../policy/index.ts";
import { changesAnswer, effectItems, findingItems, isAboutIntent, isAlert } from "./effects.ts";
import { byStrength, reachAnswer, reachItems, scopeItems, statementItems } from "./facts.ts";
import { PRESENTATION_SCHEMA } from "./types.ts";
import type { Item, ItemOf, Presentation, Section, SectionId } from "./types.ts";

export const presentationDigest = (presentation: Presentation): Digest => digestJson(presentation);

type Digests = Pick<Presentation, "plan" | "state" | "route">;

const digestsOf = (plan: Plan, route: Route): Digests => ({ plan: planDigest(plan), state: stateDigestOf(plan), route: digestJson(route) });

/**
 * Lays a plan and its route out as the answers to what a good reviewer asks, in that order. Nothing of either is left out. Who has
 * made the digests already hands them in.
 */
export function present(plan: Plan, route: Route, digests: Digests = digestsOf(plan, route)): Presentation {
  const findings = findingItems(plan.findings);
  const { title, proposal, author, proposer, onBehalfOf } = plan.intent;
  return {
    schema: PRESENTATION_SCHEMA,
    change: plan.change,
    ...digests,
    proposal,
    title,
    author,
    proposer,
    onBehalfOf,
    outcome: route.outcome,
    alerts: [...glassAlerts(route), ...findings.filter(isAlert)],
    sections: [
      changes(plan, findings),
      asked(plan, findings),
      reach(plan),
      known(plan),
      unchecked(plan),
      policy(route),
      undo(plan),
      signers(plan, route),
    ],
  };
}

/** Nobody reads past it that one person decided in place of all whom policy asks. */
const glassAlerts = ({ seats }: Route): readonly ItemOf<"finding">[] =>
  seats.flatMap(({ glass }) =>
    glass === undefined
      ? []
      : [
          {
            kind: "finding",
            code: "glass.broken",
            severity: "danger",
            message: `THE GLASS IS BROKEN (${glass.name}): one person decides in place of everybody whom policy asks, and somebody else must review it`,
            resources: [],
            provenance: "derived",
          },
        ],
  );

type Findings = readonly ItemOf<"finding">[];

const section = (id: SectionId, question: string, answer: string, items: readonly Item[]): Section => ({ id, question, answer, items });
const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

function changes(plan: Plan, findings: Findings): Section {
  const steps = plan.steps.map(({ id, connector, operation, target, stateDigest, payloadDigest }): Item => {
    return { kind: "step", step: id, connector, operation, target, stateDigest, payloadDigest };
  });
  const noted = findings.filter((finding) => !isAlert(finding) && !isAboutIntent(finding));
  return section("changes", "What will change?", changesAnswer(plan), [...steps, ...effectItems(plan), ...noted]);
}

function asked(plan: Plan, findings: Findings): Section {
  const { summary, author, proposer, title } = plan.intent;
  const text = summary === "" ? title : `${title}\n\n${summary}`;
  const words: Item = { kind: "words", by: author, ...(author === proposer ? {} : { revising: proposer }), text };
  const about = findings.filter(isAboutIntent);
  const outside = about.filter(({ code }) => code.startsWith("scope."));
  const answer = outside.length === 0 ? "yes, all of it" : "no, not all of it";
  const noted = about.filter((finding) => !isAlert(finding));
  const items = [words, ...scheduleItems(plan), ...scopeItems(plan, outside.length > 0), ...noted];
  return section("asked", "What was asked, and is this inside it?", answer, items);
}

function scheduleItems({ schedule: { notBefore, notAfter } = {} }: Plan): readonly Item[] {
  const edge = (label: string, text: string | undefined): readonly Item[] => (text === undefined ? [] : [{ kind: "fact", label, text }]);
  return [...edge("not before", notBefore), ...edge("not after", notAfter)];
}

function reach(plan: Plan): Section {
  const items = [...reachItems(plan), ...statementItems(plan.impact)];
  const unmeasured: Item = { kind: "note", text: "Nobody measured what depends on what is touched." };
  return section("reach", "What does it reach?", reachAnswer(plan), plan.impact.length === 0 ? [...items, unmeasured] : items);
}

function known(plan: Plan): Section {
  const seen = plan.steps.flatMap((step) =>
    step.observations.map((observation): ItemOf<"observation"> => ({ kind: "observation", step: step.id, observation })),
  );
  const items = [...statementItems(plan.evidence), ...seen].toSorted(byStrength);
  const claimed = plan.evidence.filter((statement) => statement.provenance === "claimed").length;
  const firm = plan.evidence.length + seen.length - claimed;
  const answer = items.length === 0 ? "nothing" : `${count(firm, "thing")} seen, ${claimed} only claimed`;
  return section("known", "What is known, and how?", answer, items);
}

function unchecked(plan: Plan): Section {
  // What concerns the change as a whole comes before what concerns single resources.
  const open = statementItems(plan.unverified).toSorted((a, b) => Math.min(a.resources.length, 1) - Math.min(b.resources.length, 1));
  const assumed = statementItems(plan.assumptions).map((item): Item => ({ ...item, text: `Assumed: ${item.text}` }));
  const answer = open.length + assumed.length === 0 ? "nothing is listed" : count(open.length + assumed.length, "open point");
  return section("unchecked", "What did nobody check?", answer, [...open, ...assumed]);
}

const POLICY_ANSWER: Readonly<Record<Outcome, string>> = {
  auto: "it may run by itself",
  review: "people must decide",
  escalate: "it goes to people of higher standing",
  revise: "it goes back to its proposer",
  block: "it is blocked",
};

function policy(route: Route): Section {
  const reasons = route.reasons.map(({ rule, outcome, text }): Item => ({ kind: "reason", rule, outcome, text }));
  const instructions = route.instructions.map((instruction): Item => ({ kind: "instruction", ...instruction }));
  const holds = route.holds.map((text): Item => ({ kind: "fact", label: "held by", text }));
  return section("policy", "What does policy say, and why?", `${route.outcome}: ${POLICY_ANSWER[route.outcome]}`, [
    ...reasons,
    ...instructions,
    ...holds,
    ...(route.freezes ?? []).map(({ name, calendar, zone, reason }): Item => {
      return {
        kind: "fact",
        label: "freeze",
        text: `${name}: ${reason}. It does not start while calendar ${calendar} (${zone}) is in force`,
      };
    }),
  ]);
}

function undo(plan: Plan): Section {
  const kinds = new Set(plan.steps.map((step) => step.undo.kind));
  const answer = kinds.has("impossible") ? "not all of it can be" : kinds.has("manual") ? "by hand, in part or whole" : "by a planned step";
  return section("undo", "How is it undone?", answer, [
    ...plan.steps.map((step): Item => ({ kind: "undo", step: step.id, undo: step.undo })),
    ...watchItems(plan),
  ]);
}

function watchItems({ watch }: Plan): readonly Item[] {
  if (watch === undefined) return [];
  const text = `for ${count(watch.seconds, "second")} after it is applied, every ${count(watch.everySeconds, "second")}; a check that fails has it undone`;
  return [{ kind: "fact", label: "watched", text }];
}

function signers(plan: Plan, route: Route): Section {
  const { author, proposer, onBehalfOf } = plan.intent;
  const askers =
    proposer === onBehalfOf ? `Not ${proposer}: it is their change.` : `Not ${proposer}, nor ${onBehalfOf}: they asked for it.`;
  const asking = author === proposer || author === onBehalfOf ? askers : `${askers} Nor ${author}, who revised it.`;
  const seats = route.seats.map((seat): Item => ({ kind: "seat", seat }));
  const alone = route.seats.some(({ glass }) => glass?.alone === true);
  const barred: Item[] = seats.length === 0 || alone ? [] : [{ kind: "note", text: asking }];
  return section("signers", "Who must sign?", signersAnswer(route.outcome, route.seats), [...seats, ...barred]);
}

function signersAnswer(outcome: Outcome, seats: readonly Seat[]): string {
  if (outcome === "block") return "nobody can: it is blocked";
  if (outcome === "revise") return "nobody yet: it goes back first";
  if (seats.length === 0) return outcome === "auto" ? "nobody: a rule lets it run by itself" : "nobody is named, so it waits";
  const people = seats.reduce((sum, seat) => sum + seat.count, 0);
  return people === 1 ? "one person" : `${people} people`;
}
