/** What ran, what the runner says of it, and what is not proven at all. */
import { digestJson, fromBase64, type Digest, type JsonObject } from "../base/index.ts";
import { isFinal, type ChangeEvent } from "../change/index.ts";
import { factsOf, verifyEvidence, type RunEvidence } from "../grant/index.ts";
import type { ReadEntry } from "./ledger-checks.ts";
import { documentOf, toldOf, type Story, type Told } from "./story.ts";
import { runRuleFault } from "./replay.ts";
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
  const fault = story.told.map((told) => runRuleFault(story, told)).find((text) => text !== undefined);
  if (fault !== undefined) return [no("execution", fault)];
  return [yes("execution", `each grant was used once; ${plural(effects.length, "step")} began, each on the approved state`)];
}

interface Reported {
  readonly told: Told;
  readonly run: string;
  readonly evidence: Digest;
}

/** Events of a run that name evidence. */
const reportedOf = ({ told }: Story): readonly Reported[] =>
  told.flatMap((each: Told) => {
    const { event } = each;
    if (!("run" in event) || event.type === "reconciled") return [];
    const evidence = "evidence" in event ? event.evidence : "because" in event ? event.because.evidence : undefined;
    return evidence === undefined ? [] : [{ told: each, run: event.run, evidence }];
  });

/** What a runner signs under for each event; an outcome is told under its own name. */
const KINDS: Partial<Record<ChangeEvent["type"], RunEvidence["kind"]>> = {
  effect_started: "observed",
  effect_done: "applied",
  checked: "checked",
  undo_started: "failed",
  verified: "verified",
  failed: "failed",
  undone: "undone",
  indeterminate: "indeterminate",
};

/** The one runner's key: the verifier's own, else as the log enrolled it, which is as much as the log's own word. */
function keyOf({ context, trust }: Story, runner: string, index: number): Uint8Array | undefined {
  const trusted = trust.runnerKeys.get(runner);
  if (trusted !== undefined) return trusted;
  const enrolled = context.findLast(({ event, index: at }) => event.type === "runner_enrolled" && event["runner"] === runner && at < index)
    ?.event["key"];
  const raw = typeof enrolled === "string" ? fromBase64(enrolled) : undefined;
  return raw?.length === 32 ? raw : undefined;
}

/** What a runner signed about its run is about this event of this run, and about the facts that are here. */
export function evidenceChecks(story: Story): Check[] {
  const by = new Set<string>();
  const unsure: string[] = [];
  let signed = 0;
  let plain = 0;
  for (const each of reportedOf(story)) {
    const { type } = each.told.event;
    const found = documentOf(story, each.evidence);
    const facts = "missing" in found ? undefined : (found.value as JsonObject);
    if ("missing" in found) unsure.push(`what ${type} rests on ${found.missing}`);
    else if (facts?.["attestation"] === undefined) plain++;
    else {
      const runner = runnerOf(story, each.run);
      const key = keyOf(story, runner, each.told.index);
      if (key === undefined) unsure.push(`no key of ${runner} is trusted, and the log enrolled none: name it in trust.json as runner_keys`);
      else {
        const fault = statementFault(story, each, facts, new Map([[runner, key]]));
        if (fault !== undefined) return [no("evidence", `what the runner signed of ${type}: ${fault}`)];
        by.add(story.trust.runnerKeys.has(runner) ? runner : `${runner}, by the key that the log enrolled`);
        signed++;
      }
    }
  }
  return [
    ...(unsure[0] === undefined ? [] : [open("evidence", unsure[0])]),
    ...(signed === 0 || unsure.length > 0
      ? []
      : [yes("evidence", `${plural(signed, "statement")} about this run and these facts, signed by ${[...by].join(" and ")}`)]),
    ...(plain === 0
      ? []
      : [open("reports", `${plural(plain, "report")} of the run without a runner's signature: kept as they came, by digest`)]),
  ];
}

const runnerOf = (story: Story, run: string): string =>
  toldOf(story, "run_started").find(({ event }) => event.run === run)?.event.runner ?? "";

/** A statement of another event would make a failure into a success. */
function statementFault(
  { bundle, trust }: Story,
  { told: { event, before }, run }: Reported,
  facts: JsonObject,
  keys: ReadonlyMap<string, Uint8Array>,
): string | undefined {
  const statement = verifyEvidence(facts["attestation"], keys, factsOf(facts));
  if (!statement.ok) return statement.error.message;
  const { deployment, change, run: about, runner, kind, step, payload } = statement.value;
  if (deployment !== trust.origin || change !== bundle.change || about !== run) return "it is about another run";
  if (!keys.has(runner)) return `${runner} is not the runner that ran it`;
  const own = "step" in event ? event.step : undefined;
  if (kind !== KINDS[event.type] || step !== own) return `it says "${kind}"${step === undefined ? "" : ` of step ${step}`}`;
  const ran = before !== undefined && "stepDigests" in before ? before : undefined;
  const approved = own === undefined ? ran?.payload : ran?.stepDigests.find(({ id }) => id === own)?.payload;
  return payload === approved ? undefined : "it is about another payload";
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

/** Where it mattered which rules and people were in force. */
const RESTS_ON_RULES: readonly ChangeEvent["type"][] = ["routed", "voted", "authorised", "run_started"];

/** Streams of which an entry that a bundle leaves out could tell otherwise. */
export const bearsOn = ({ bundle }: Story, stream: string): boolean =>
  stream === `change/${bundle.change}` || stream === "config/policy" || stream === "config/directory" || /^(token|runner)\//.test(stream);

/**
 * All entries there are, read by whoever checks: none of the change was left out, no newer policy or directory was in force where
 * one mattered, and nothing that became of a token or a runner's key before it was used.
 */
export function completeness(story: Story, entries: Iterable<Pick<ReadEntry, "index" | "stream" | "event">>): Check {
  const all = [...entries].toSorted((a, b) => a.index - b.index);
  const own = new Set(story.told.map(({ index }) => index));
  const shown = new Map(story.context.map(({ index, event }) => [index, digestJson(event)]));
  const hidden = (entry: (typeof all)[number]): boolean => shown.get(entry.index) !== digestJson(entry.event);
  const last = story.told.at(-1)?.index ?? 0;
  for (const { index, stream } of all)
    if (stream === `change/${story.bundle.change}` && !own.has(index))
      return no("whole log", `entry ${index} is of this change${index > last ? ", later than the bundle" : ""}, and is not in it`);
  const moments = story.told.filter(({ event }) => RESTS_ON_RULES.includes(event.type)).map(({ index }) => index);
  for (const stream of ["config/policy", "config/directory"]) {
    const texts = all.filter((entry) => entry.stream === stream);
    for (const moment of moments) {
      const inForce = texts.findLast(({ index }) => index < moment);
      if (inForce !== undefined && hidden(inForce))
        return no(
          "whole log",
          `entry ${inForce.index} is the ${stream.slice("config/".length)} in force at entry ${moment}, and is not in it`,
        );
    }
  }
  const used = usedOf(story);
  const left = all.find((entry) => entry.index < (used.get(entry.stream) ?? 0) && hidden(entry));
  if (left !== undefined) return no("whole log", `entry ${left.index} is of ${left.stream}, and is not in it`);
  return yes("whole log", "all entries read: none of this change was left out, and no other policy, directory or token");
}

/** Tokens and runners that had a part in it, each with the entry before which its own count. */
function usedOf(story: Story): ReadonlyMap<string, number> {
  const counted = toldOf(story, "authorised").at(-1)?.index ?? 0;
  const votes = toldOf(story, "voted").map(({ event }) => event.vote.identity);
  const tokens = votes
    .filter((identity) => identity.startsWith("token:"))
    .map((identity) => [identity.replace(":", "/"), counted] as const);
  const runners = toldOf(story, "run_started").map(({ event, index }) => [`runner/${event.runner}`, index] as const);
  return new Map([...tokens, ...runners]);
}
