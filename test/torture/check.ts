/** What must be true of a Pawl that was killed and started again. */
import type { ChangeView } from "../../src/control/types.ts";
import type { ChangeEvent } from "../../src/core/change/index.ts";
import { check as checkHistory } from "../../src/testing/history.ts";
import { ADMIN, REPOSITORIES } from "./deployment.ts";
import { subjects } from "./effects.ts";
import type { Evidence } from "./evidence.ts";
import type { Proposed } from "./journal.ts";
import type { Told } from "./mirror.ts";
import { broken } from "./violation.ts";

/** All of it, of the changes that `moved` and those that move meanwhile, on a server that was started at `bornAt`. */
export async function checkAll(evidence: Evidence, url: string, moved: ReadonlySet<string>, bornAt: number): Promise<void> {
  const before = await readBranches(evidence);
  const all = new Set([...moved, ...(await evidence.follow(url))]);
  checkAnswers(evidence, all);
  checkRuns(evidence, all, bornAt);
  await checkEffects(evidence, before);
}

/** Every answer that any client ever had about these changes, against the entries of the ledger. */
export function checkAnswers({ recorder, mirror }: Evidence, moved: ReadonlySet<string>): void {
  const operations = recorder
    .operations()
    .filter(({ change, outcome }) => moved.has(change) || (change === "" && outcome.kind === "accepted"));
  const asked = new Set(operations.map(({ change }) => change));
  const ledger = new Map(
    [...asked, ...moved].flatMap((id) => [mirror.change(id)].flatMap((told) => (told === undefined ? [] : [[id, told] as const]))),
  );
  const [fault] = checkHistory({ operations, ledger, everybody: true });
  if (fault === undefined) return;
  const story = fault.operations.map((operation) => JSON.stringify(operation)).join("\n");
  throw broken(`${fault.code} of change ${fault.change}: ${fault.message}\n${story}\n${tale(mirror.change(fault.change))}`);
}

export const tale = (told: Told | undefined): string =>
  (told?.events ?? []).map((event, n) => `${n + 1} ${JSON.stringify(event)}`).join("\n");

type RunEvent = Extract<ChangeEvent, { readonly run: string }>;
const isRun = (event: ChangeEvent): event is RunEvent => "run" in event;

/**
 * Each grant starts once and each step begins once. A run of a server that is gone has ended: as a failure if nothing had begun,
 * else as indeterminate. `bornAt` is when the present server was started.
 */
export function checkRuns({ mirror }: Evidence, moved: ReadonlySet<string>, bornAt: number): void {
  const wrong = (id: string, what: string): Error => broken(`change ${id}: ${what}\n${tale(mirror.change(id))}`);
  for (const id of moved) {
    const told = mirror.change(id);
    if (told === undefined) throw broken(`change ${id} is not in the ledger`);
    const grants = told.events.flatMap((event) => (event.type === "run_started" ? [event.grant] : []));
    if (new Set(grants).size < grants.length) throw wrong(id, "a grant was started twice");
    for (const [run, events] of Map.groupBy(told.events.filter(isRun), (event) => event.run)) {
      const begun = events.flatMap((event) => (event.type === "effect_started" ? [event.step] : []));
      if (new Set(begun).size < begun.length) throw wrong(id, `run ${run} began a step twice`);
      const lost = events.find((event) => event.type === "failed" && event.because.code === "runner_lost_before_effect");
      if (lost !== undefined && begun.length > 0) throw wrong(id, `run ${run} was said to have had no effect, and had begun one`);
      const unknown = events.find((event) => event.type === "indeterminate" && event.because.code === "runner_restarted");
      if (unknown !== undefined && begun.length === 0) throw wrong(id, `run ${run} had begun nothing, and is indeterminate`);
    }
    const { state } = told;
    if ((state.status === "running" || state.status === "applied") && state.startedAt < bornAt)
      throw wrong(id, `it is ${state.status} still, by a server that is gone`);
  }
}

/** How often the effect of a change may be found outside, as its last word has it. */
function allowed({ events, state }: Told): readonly number[] {
  switch (state.status) {
    case "verified":
      return [1];
    case "running":
    case "applied":
    case "indeterminate":
      return [0, 1];
    case "undone":
      return [1];
    case "failed":
      // Somebody looked, while a git whose Pawl was killed may still have been at work.
      return events.at(-1)?.type === "reconciled" ? [0, 1] : [0];
    default:
      return [0];
  }
}

type Branches = ReadonlyMap<string, ReadonlyMap<string, number>>;

async function readBranches({ folder }: Evidence): Promise<Branches> {
  const branches = new Map<string, ReadonlyMap<string, number>>();
  for (const name of REPOSITORIES) branches.set(name, await subjects(folder, name));
  return branches;
}

/**
 * Every run had its effect at most once, and whoever says that it had none is right. Runs go on meanwhile: what was there `before`
 * the ledger was read must be allowed by what it says, and what it says must be there afterwards.
 */
async function checkEffects(evidence: Evidence, before: Branches): Promise<void> {
  const { journal, mirror } = evidence;
  const after = await readBranches(evidence);
  const policies = mirror.of("config/policy").map(({ digest }) => digest);
  const countIn = (branches: Branches, { tag, effect }: Proposed): number =>
    effect.kind === "git" ? (branches.get(effect.repository)?.get(tag) ?? 0) : policies.filter((digest) => digest === effect.digest).length;
  for (const proposed of journal.proposals.values()) {
    const told = proposed.id === undefined ? undefined : mirror.change(proposed.id);
    const may = told === undefined ? [0] : allowed(told);
    const [least, most] = [countIn(before, proposed), countIn(after, proposed)];
    if (least <= Math.max(...may) && most >= Math.min(...may)) continue;
    const what = `${proposed.tag} (change ${proposed.id}) is ${told?.state.status ?? "unknown"}`;
    throw broken(`${what} and had its effect ${least} times before that, ${most} times after it\n${tale(told)}`);
  }
}

/** Whoever never heard the end of a proposal asks again under the same key, twice, and gets the one change that is of it. */
export async function askAgain(evidence: Evidence, url: string): Promise<void> {
  const { journal, mirror } = evidence;
  for (const proposed of journal.proposals.values()) {
    if (proposed.id !== undefined) continue;
    const caller = evidence.caller(proposed.by);
    journal.tally.keysAsked += 1;
    const ids: string[] = [];
    for (let time = 0; time < 2; time++) {
      const view = await caller.propose(url, proposed);
      if (view === undefined) throw broken(`the proposal ${proposed.tag}, asked again under its key, was not accepted`);
      if (view.title !== proposed.tag) throw broken(`the key of ${proposed.tag} was answered with the change of ${view.title}`);
      if (ids.length === 0 && mirror.change(view.id) !== undefined) journal.tally.keysStored += 1;
      ids.push(view.id);
    }
    for (const id of ids) journal.named(proposed, id);
  }
}

/** Each change that an agent proposed is one that somebody asked for, and there is no second one of it. */
export function checkNoDoubles({ journal, mirror }: Evidence): void {
  for (const [id, { state }] of mirror.changes) {
    if (state.parties.proposer.startsWith("agent:") && journal.byId(id) === undefined) throw broken(`nobody was told of change ${id}`);
  }
}

/** The server's own picture is that of the entries; asked of a change as it is now. */
export async function readAll(evidence: Evidence, url: string, moved: Iterable<string>): Promise<ChangeView[]> {
  const views: ChangeView[] = [];
  for (const id of moved) {
    const view = await evidence.caller(ADMIN).change(url, "read", id, { method: "GET", path: `/v1/changes/${id}` });
    if (view === undefined) throw broken(`change ${id} cannot be read`);
    views.push(view);
  }
  return views;
}
