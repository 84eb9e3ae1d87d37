/** What ran, what the runner says of it, and what is not proven at all. */
import { digestJson, fromBase64, type Digest, type Json, type JsonObject } from "../base/index.ts";
import { isFinal, type ChangeEvent } from "../change/index.ts";
import { factsOf, verifyEvidence, type RunEvidence } from "../grant/index.ts";
import { documentOf, toldOf, type Story, type Told } from "./story.ts";
import { no, open, plural, yes, type Check } from "./types.ts";

/** Started once; each step on the state that was approved. */
export function executionChecks(story: Story): Check[] {
  const starts = toldOf(story, "run_started");
  if (starts.length === 0) return [];
  if (new Set(starts.map(({ event }) => event.grant)).size !== starts.length) return [no("execution", "a grant was used twice")];
  const effects = toldOf(story, "effect_started");
  for (const { event, before } of effects) {
    const approved =
      before !== undefined && "stepDigests" in before ? before.stepDigests.find(({ id }) => id === event.step)?.state : undefined;
    if (approved !== event.observed) return [no("execution", `step ${event.step} began on ${event.observed}, not on the approved state`)];
  }
  return [yes("execution", `each grant was used once; ${plural(effects.length, "step")} began, each on the approved state`)];
}

/** Events of a run that name evidence. */
function evidenceOf({
  told,
}: Story): readonly { readonly event: ChangeEvent; readonly index: number; readonly run: string; readonly evidence: Digest }[] {
  return told.flatMap(({ event, index }: Told) => {
    if (!("run" in event)) return [];
    const evidence = "evidence" in event ? event.evidence : "because" in event ? event.because.evidence : undefined;
    return evidence === undefined || event.type === "reconciled" ? [] : [{ event, index, run: event.run, evidence }];
  });
}

/** A runner's key as the log enrolled it, where the verifier brings none for that runner: as much as the log's own word. */
function enrolledKeys({ context, trust }: Story, index: number): ReadonlyMap<string, Uint8Array> {
  const keys = new Map(trust.runnerKeys);
  for (const entry of context) {
    const { type, runner, key } = entry.event;
    const raw = type === "runner_enrolled" && typeof key === "string" && entry.index < index ? fromBase64(key) : undefined;
    if (typeof runner === "string" && raw?.length === 32 && !trust.runnerKeys.has(runner)) keys.set(runner, raw);
  }
  return keys;
}

/** What a runner signed about its run is about this run, and about the facts that are here. */
export function evidenceChecks(story: Story): Check[] {
  const all = evidenceOf(story);
  if (all.length === 0) return [];
  const by = new Set<string>();
  let signed = 0;
  let plain = 0;
  for (const each of all) {
    const found = documentOf(story, each.evidence);
    if ("missing" in found) return [open("evidence", `what ${each.event.type} rests on ${found.missing}`)];
    const facts = found.value as JsonObject;
    if (facts["attestation"] === undefined) {
      plain++;
      continue;
    }
    if (enrolledKeys(story, each.index).size === 0)
      return [open("evidence", "no runner's key is trusted, and the log enrolled none: name them in trust.json as runner_keys")];
    const statement = statementOf(story, each.run, each.index, facts);
    if (typeof statement === "string") return [no("evidence", `what the runner signed of ${each.event.type}: ${statement}`)];
    by.add(story.trust.runnerKeys.has(statement.runner) ? statement.runner : `${statement.runner}, by the key that the log enrolled`);
    signed++;
  }
  const told =
    plain === 0
      ? []
      : [open("reports", `${plural(plain, "report")} of the run without a runner's signature: kept as they came, by digest`)];
  return signed === 0
    ? told
    : [yes("evidence", `${plural(signed, "statement")} about this run and these facts, signed by ${[...by].join(" and ")}`), ...told];
}

function statementOf(story: Story, run: string, index: number, facts: JsonObject): RunEvidence | string {
  const { bundle, trust, end } = story;
  const statement = verifyEvidence(facts["attestation"], enrolledKeys(story, index), factsOf(facts));
  if (!statement.ok) return statement.error.message;
  const { deployment, change, run: about, runner } = statement.value;
  if (deployment !== trust.origin || change !== bundle.change || about !== run) return "it is about another run";
  return "runner" in end && end.run === about && end.runner !== runner ? `${runner} is not the runner that ran it` : statement.value;
}

/** A person said how a run of unknown end did end: that is told, not proven. */
export function reconciliationChecks(story: Story): Check[] {
  return toldOf(story, "reconciled").map(({ event }) =>
    open("reconciled", `${event.by} says that it ended as ${event.as}: a person's word, kept by digest`),
  );
}

/** What a bundle cannot show is said each time, so that nobody takes it for proven. */
export function limitChecks(story: Story): Check[] {
  const { end, told } = story;
  const last = told.at(-1)?.index;
  const owed = (end.glass ?? []).some(({ review }) => review === undefined);
  const more =
    isFinal(end.status) && owed
      ? open("end", `${end.status} is an end, and a review of the broken glass is owed: it may have followed entry ${last}`)
      : isFinal(end.status)
        ? yes("end", `${end.status} is an end: the lifecycle knows no further event of this change`)
        : open("end", `${end.status} is no end: later events than entry ${last} may exist and are not shown`);
  return [more, open("whole log", "that no other entry of the log is about this change is only shown by all entries: `--entries`")];
}

/** All entries there are, read by whoever checks: none of the change was left out, and no rule or token came in between. */
export function completeness(
  story: Story,
  entries: Iterable<{ readonly index: number; readonly stream: string; readonly event: Json }>,
): Check {
  const own = new Set(story.told.map(({ index }) => index));
  const shown = new Map(story.context.map(({ index, event }) => [index, digestJson(event)]));
  const last = story.told.at(-1)?.index ?? 0;
  const streams = new Set(story.context.map(({ stream }) => stream));
  const counted = toldOf(story, "authorised").at(-1)?.index ?? 0;
  for (const { index, stream } of entries) {
    if (stream === `change/${story.bundle.change}` && !own.has(index))
      return no("whole log", `entry ${index} is of this change${index > last ? ", later than the bundle" : ""}, and is not in it`);
    if (stream.startsWith("token/") && streams.has(stream) && index < counted && !shown.has(index))
      return no("whole log", `entry ${index} is of ${stream}, and is not in it`);
  }
  return yes("whole log", "all entries read: none of this change was left out");
}
