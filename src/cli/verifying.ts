/** One change's story, proven from its ledger entries and trusted keys; what the server merely says is only ever compared. */
import { canonical, toBase64, type Digest, type Json, type Result } from "../core/base/index.ts";
import { fold, payloadOf, stepDigests, type ChangeEvent } from "../core/change/index.ts";
import { no, open, yes, type Check } from "../core/evidence/index.ts";
import { auditGrant, type Envelope, type GrantBody } from "../core/grant/index.ts";
import type { OpenCheckpoint } from "../core/ledger/index.ts";
import { planDigest, stateDigestOf } from "../core/plan/index.ts";
import { reviewDigest } from "../core/review/index.ts";
import type { ChangeView, EventView, PlanView } from "../control/types.ts";
import { eventsOf, pathOf } from "./changes.ts";
import type { Context } from "./context.ts";
import { CliError, EXIT } from "./errors.ts";
import { openHead, proveEntry, readEntries, verifyWhole, type EntryView, type HeadView } from "./log.ts";
import type { Trust } from "./trust.ts";
import { plural } from "./words.ts";

/** What every later check works on. */
interface Story {
  readonly id: string;
  readonly entries: readonly EntryView[];
  readonly events: readonly ChangeEvent[];
}

export async function* verifyChange(context: Context, id: string, trust: Trust, whole: boolean): AsyncGenerator<Check, void> {
  const { client, known } = context;
  const view = await known.get<ChangeView>(pathOf(id));
  const told = await eventsOf(context, id);
  const { checkpoint } = await client.get<HeadView>("/v1/ledger/head");
  const head = openHead(checkpoint, trust);
  if (!head.ok) {
    yield no("checkpoint", `the log's head is not signed as trusted: ${head.error.message}`);
    return;
  }
  yield yes("checkpoint", `${plural(head.value.size, "entry", "entries")}, root ${toBase64(head.value.root)}, signed by ${trust.origin}`);

  const entries = await entriesAt(context, told);
  yield await inclusion(context, entries, head.value);
  const chain = chainOf(id, entries, told);
  yield chain.check;
  if (chain.events === undefined) return;
  const story: Story = { id, entries, events: chain.events };
  yield lifecycle(story, view);
  if (whole) yield await complete(context, story, checkpoint, trust);
  yield* reviews(story);
  yield* await planned(context, story, view);
  yield* await granted(context, story, trust);
  yield* execution(story);
}

const AT_ONCE = 8;

async function inBatches<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(act))));
  return results;
}

async function entriesAt({ client }: Context, told: readonly EventView[]): Promise<readonly EntryView[]> {
  return (await inBatches(told, ({ index }) => readEntries(client, index, 1))).flat();
}

async function inclusion({ client }: Context, entries: readonly EntryView[], head: OpenCheckpoint): Promise<Check> {
  const proven = await inBatches(entries, async (entry) => ({ entry, shown: await proveEntry(client, entry, head) }));
  const bad = proven.find(({ shown }) => !shown.ok);
  if (bad === undefined)
    return yes("inclusion", `${entries.length} of ${plural(entries.length, "entry", "entries")} of this change are in that tree`);
  return no("inclusion", `entry ${bad.entry.index} is not: ${bad.shown.ok ? "" : bad.shown.error.message}`);
}

/** The entries are this change's, canonical, and numbered without a gap; and they say what the server told. */
function chainOf(
  id: string,
  entries: readonly EntryView[],
  told: readonly EventView[],
): { readonly check: Check; readonly events?: readonly ChangeEvent[] } {
  const events: ChangeEvent[] = [];
  for (const [n, { entry, index }] of entries.entries()) {
    const parsed = parsedEntry(entry);
    if (parsed === undefined) return { check: no("chain", `entry ${index} is not canonical JSON`) };
    if (parsed.stream !== `change/${id}`) return { check: no("chain", `entry ${index} belongs to ${parsed.stream}`) };
    if (parsed.n !== n)
      return { check: no("chain", `entry ${index} is event ${parsed.n}, where event ${n} belongs: one is missing or out of order`) };
    if (canonical(told[n]?.event ?? null) !== canonical(parsed.event))
      return { check: no("chain", `the server tells event ${n} otherwise than entry ${index} has it`) };
    events.push(parsed.event as unknown as ChangeEvent);
  }
  if (entries.length === 0 || entries.length !== told.length)
    return { check: no("chain", `${told.length} events were told, ${entries.length} entries found`) };
  return { check: yes("chain", `events 0 to ${events.length - 1}, without a gap, as the server told them`), events };
}

function parsedEntry(entry: string): { readonly n: number; readonly stream: string; readonly event: Json } | undefined {
  try {
    const value = JSON.parse(entry) as { readonly n: number; readonly stream: string; readonly event: Json };
    return canonical(value) === entry ? value : undefined;
  } catch {
    return undefined;
  }
}

function lifecycle({ events }: Story, view: ChangeView): Check {
  let state: ReturnType<typeof fold>;
  try {
    state = fold(events);
  } catch (error) {
    return no("lifecycle", `the events do not follow from each other: ${error instanceof Error ? error.message : ""}`);
  }
  if (state?.status !== view.status && view.version === events.length)
    return no("lifecycle", `the events lead to ${state?.status}; the server says ${view.status}`);
  return yes("lifecycle", `the events follow from each other and lead to ${state?.status}`);
}

/** Reads every entry there is: the change has none but those that were told. */
async function complete({ client }: Context, { id, entries }: Story, checkpoint: string, trust: Trust): Promise<Check> {
  const known = new Set(entries.map(({ index }) => index));
  const hidden: number[] = [];
  const verified = await verifyWhole(client, checkpoint, trust, ({ index, entry }) => {
    if (parsedEntry(entry)?.stream === `change/${id}` && !known.has(index)) hidden.push(index);
  });
  if (!verified.ok) return no("whole", verified.error.message);
  if (hidden.length > 0) return no("whole", `entry ${hidden[0]} is this change's too, and was not told`);
  return yes("whole", `all ${plural(verified.value.size, "entry", "entries")} read; none of this change was left out`);
}

/** Each review digest is that of its five parts, and each counted vote was for the one under review. */
function reviews({ events }: Story): readonly Check[] {
  const routed = events.filter((event) => event.type === "routed");
  const forged = routed.find(({ review, reviewDigest: named }) => reviewDigest(review) !== named);
  if (forged !== undefined) return [no("review", `a review digest is not that of its parts: ${forged.reviewDigest}`)];
  let current: Digest | undefined;
  const votes: string[] = [];
  for (const event of events) {
    if (event.type === "routed") current = event.reviewDigest;
    if (event.type !== "voted") continue;
    const { person, decision, channel, reviewDigest: signed } = event.vote;
    if (signed !== current) return [no("votes", `the vote of ${person} is for another review object`)];
    votes.push(`${person} (${decision}, ${channel})`);
  }
  return [
    ...(routed.length === 0
      ? []
      : [yes("review", `${plural(routed.length, "review digest")} recomputed from plan, state, route, policy and presentation`)]),
    ...(votes.length === 0 ? [] : [yes("votes", `each for exactly what was under review: ${votes.join(", ")}`)]),
  ];
}

const lastOf = <T extends ChangeEvent["type"]>(events: readonly ChangeEvent[], type: T) =>
  events.findLast((event): event is Extract<ChangeEvent, { readonly type: T }> => event.type === type);

/** The plan's document is the one that the log names; so are the payload and the state that it stands for. */
async function planned(context: Context, { id, events }: Story, view: ChangeView): Promise<readonly Check[]> {
  const event = lastOf(events, "planned");
  if (event === undefined) return [];
  if (view.review_digest === undefined) return [open("plan", `a change that is ${view.status} shows no plan`)];
  const answer = await asked(() => context.known.get<PlanView>(pathOf(id, "/plan")));
  if (!answer.ok) return [open("plan", answer.error)];
  const { plan } = answer.value;
  const wrong = [
    planDigest(plan) === event.object.plan ? undefined : "its digest is not the one in the log",
    stateDigestOf(plan) === event.object.state ? undefined : "its state digest is not the one in the log",
    payloadOf(stepDigests(plan, () => event.payload)) === event.payload ? undefined : "its payload digest is not the one in the log",
  ].filter((text) => text !== undefined);
  return [
    wrong.length === 0
      ? yes("plan", `the document hashes to ${event.object.plan}, with its state and payload`)
      : no("plan", wrong.join("; ")),
  ];
}

async function granted(context: Context, { id, events }: Story, trust: Trust): Promise<readonly Check[]> {
  const authorised = lastOf(events, "authorised");
  if (authorised === undefined) return [];
  if (trust.grantKeys.size === 0) return [open("grant", "no grant key is trusted: name the operator's trust.json with --trust")];
  const answer = await asked(() => context.known.get<Envelope>(pathOf(id, "/grant")));
  if (!answer.ok) return [open("grant", answer.error)];
  const grant = auditGrant(answer.value, { deployment: trust.origin, grantKeys: trust.grantKeys, logKeys: trust.logLines });
  if (!grant.ok) return [no("grant", grant.error.message)];
  const bound = grant.value.grant === authorised.grant && grant.value.change === id;
  if (!bound) return [no("grant", `the log authorised ${authorised.grant}, this is ${grant.value.grant}`)];
  return [
    yes("grant", `${grant.value.grant}: signed, every seat filled, its authorisation in the log at ${grant.value.ledger.index}`),
    payload(grant.value, events),
  ];
}

function payload(grant: GrantBody, events: readonly ChangeEvent[]): Check {
  const signed = lastOf(events, "planned")?.payload;
  if (payloadOf(grant.steps) !== grant.payload || grant.payload !== signed)
    return no("payload", `the grant is for ${grant.payload}; what was planned and signed is ${signed}`);
  return yes("payload", `what may run is what was planned and signed: ${grant.payload}`);
}

/** Started once; each step on the state that was approved. */
function execution({ events }: Story): readonly Check[] {
  const starts = events.filter((event) => event.type === "run_started");
  if (starts.length === 0) return [];
  if (new Set(starts.map(({ grant }) => grant)).size !== starts.length) return [no("execution", "a grant was used twice")];
  const steps = lastOf(events, "planned")?.stepDigests ?? [];
  const effects = events.filter((event) => event.type === "effect_started");
  const drifted = effects.find(({ step, observed }) => steps.find(({ id }) => id === step)?.state !== observed);
  if (drifted !== undefined) return [no("execution", `step ${drifted.step} began on ${drifted.observed}, not on the approved state`)];
  return [yes("execution", `its grant was used once; ${plural(effects.length, "step")} began, each on the approved state`)];
}

/** An answer, or why there is none; a server out of reach ends the whole verification instead. */
async function asked<T>(ask: () => Promise<T>): Promise<Result<T, string>> {
  try {
    return { ok: true, value: await ask() };
  } catch (error) {
    if (!(error instanceof CliError) || error.exit !== EXIT.refused) throw error;
    return { ok: false, error: error.message };
  }
}
