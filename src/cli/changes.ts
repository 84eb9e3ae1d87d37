/** What several commands do with a change: name it, follow it, say how it stands. */
import { setTimeout as pause } from "node:timers/promises";
import { visible } from "../core/base/index.ts";
import type { ChangeView, ConflictView, EventView, GlassView, SeatView, StepOutcome } from "../control/types.ts";
import type { Context } from "./context.ts";
import { CliError, EXIT } from "./errors.ts";
import { wrapped, type Style, type Terminal } from "./terminal.ts";
import { moment } from "./words.ts";

export const pathOf = (id: string, rest = ""): string => `/v1/changes/${encodeURIComponent(id)}${rest}`;

export function statusStyle(status: string): Style {
  switch (status) {
    case "verified":
      return "green";
    case "awaiting":
    case "authorised":
    case "sent_back":
    case "stale":
      return "yellow";
    case "blocked":
    case "rejected":
    case "failed":
    case "undone":
    case "indeterminate":
      return "red";
    case "expired":
    case "withdrawn":
    case "superseded":
      return "dim";
    default:
      return "cyan";
  }
}

type Standing = "moving" | "waits" | "done" | "ended";

/** Whether there is anything to wait for; `ended` is every end but the wished-for one, and every need to act on it. */
function standingOf({ status, holds = [], waits_for: busy }: ChangeView, byItself: boolean): Standing {
  switch (status) {
    case "proposed":
    case "planned":
    case "running":
    case "applied":
      return "moving";
    case "authorised":
      // What waits for a person to look is not waited for here.
      return byItself && holds.length === 0 && busy?.status !== "indeterminate" ? "moving" : "waits";
    case "awaiting":
      return "waits";
    case "verified":
      return "done";
    default:
      return "ended";
  }
}

const exitFor = (standing: Standing): 0 | 1 => (standing === "ended" ? 1 : 0);

const RETRIES = [1, 2, 4, 8, 15];

/**
 * Follows a change until it ends or waits for a person, telling each step; `asked`: somebody just had it started. A server
 * that restarts meanwhile is waited for.
 */
async function follow(
  context: Context,
  start: ChangeView,
  asked = false,
): Promise<{ readonly view: ChangeView; readonly standing: Standing }> {
  const deaf = listenTo(context, start.id);
  try {
    return await followed(context, start, asked);
  } finally {
    deaf();
  }
}

/** What a runner says while it works on this change: news, and no evidence of anything. */
function listenTo({ known, terminal }: Context, id: string): () => void {
  if (terminal.manner.quiet || terminal.manner.json) return () => undefined;
  return known.listen("/v1/stream", (event, data) => {
    const { change, lines } = (data ?? {}) as { readonly change?: unknown; readonly lines?: unknown };
    if (event !== "progress" || change !== id || !Array.isArray(lines)) return;
    for (const line of lines) if (typeof line === "string") terminal.note(terminal.paint("dim", `  ${visible(line)}`));
  });
}

async function followed(
  context: Context,
  start: ChangeView,
  asked: boolean,
): Promise<{ readonly view: ChangeView; readonly standing: Standing }> {
  const { terminal } = context;
  const byItself = asked || (await startsByItself(context, start.id));
  if (!terminal.manner.quiet)
    for (const glass of start.glass ?? []) terminal.line(`${terminal.paint("red", "GLASS")}      ${glassText(glass)}`);
  let view = start;
  // Whoever had it started knows how it stood, but not whom it waits for.
  let told = asked && start.waits_for === undefined ? start.next : "";
  let failures = 0;
  for (;;) {
    if (view.next !== told && !terminal.manner.quiet) terminal.line(progressLine(terminal, view));
    told = view.next;
    const standing = standingOf(view, byItself);
    if (standing !== "moving") {
      noteStuck(terminal, view);
      return { view, standing };
    }
    try {
      view = await context.client.wait<ChangeView>(pathOf(view.id, "/wait"), view.version);
      failures = 0;
    } catch (error) {
      const delay = RETRIES[failures++];
      const passing = error instanceof CliError && error.exit === EXIT.unreachable && error.code !== "strange_answer";
      if (!passing || delay === undefined) throw error;
      terminal.note(`${error.message}; trying again in ${delay} s`);
      await pause(delay * 1000, undefined, { signal: context.io.signal }).catch(() => undefined);
    }
  }
}

async function startsByItself(context: Context, id: string): Promise<boolean> {
  const { events } = await context.client.get<{ readonly events: readonly EventView[] }>(pathOf(id, "/events"), { from: 0, limit: 1 });
  return (events[0]?.event as { readonly start?: string } | undefined)?.start !== "on-request";
}

function progressLine(terminal: Terminal, view: ChangeView): string {
  return `${terminal.paint("dim", moment(view.updated_at).slice(11))}  ${terminal.paint(statusStyle(view.status), visible(view.status).padEnd(13))}  ${nextText(view)}`;
}

/** What comes next, without what the line about the glass tells already. */
export const nextText = ({ next, glass = [] }: ChangeView): string =>
  visible(glass.length === 0 ? next : next.replace(/^THE GLASS WAS BROKEN by [^()]*\(pawl review chg_[0-9a-f]+\)\. /, ""));

/** How a change stands, for a person: what it is, why it is so, what comes next. */
export function changeLines(terminal: Terminal, view: ChangeView): string[] {
  const label = labelled(terminal);
  return [
    `${terminal.paint("bold", visible(view.id))}  ${terminal.paint(statusStyle(view.status), visible(view.status))}${view.revision > 1 ? `  revision ${view.revision}` : ""}`,
    `${label("title")} ${visible(view.title)}`,
    `${label("asked by")} ${visible(view.proposer)}${view.on_behalf_of === view.proposer ? "" : ` for ${visible(view.on_behalf_of)}`}, ${moment(view.created_at)}`,
    ...whyLines(terminal, view),
    ...(view.glass ?? []).map((glass) => `${label("GLASS")} ${glassText(glass)}`),
    ...(view.seats ?? []).map((seat) => `${label("seat")} ${seatText(seat)}`),
    ...(view.run === undefined
      ? []
      : [
          `${label("run")} ${view.run.id} on ${visible(view.run.runner)}, started ${moment(view.run.started_at)}`,
          ...stepTexts(view).map((text) => `${" ".repeat(HANG)}${text}`),
        ]),
    `${label("next")} ${nextText(view)}`,
  ];
}

const OUTCOMES: Readonly<Record<StepOutcome, string>> = {
  not_begun: "not begun",
  under_way: "under way",
  done: "done",
  no_effect: "no effect: it was begun, and refused",
  undoing: "being undone",
  undone: "undone",
  unknown: "unknown: it may have happened or not",
};

/** What became of each step, where there are several or nobody knows. */
export function stepTexts({ run }: ChangeView): readonly string[] {
  if (run === undefined || (run.steps.length < 2 && run.steps.every(({ outcome }) => outcome !== "unknown"))) return [];
  return run.steps.map(({ id, connector, outcome }) => `${visible(id)} (${visible(connector)}): ${outcomeText(outcome)}`);
}

export const outcomeText = (outcome: StepOutcome): string => OUTCOMES[outcome] ?? visible(outcome);

const labelled =
  (terminal: Terminal) =>
  (name: string): string =>
    terminal.paint("dim", name.padEnd(HANG - 1));

/** Why it came to this, what to mend, and what state was expected and found. */
function whyLines(terminal: Terminal, { because, instructions = [], drift }: ChangeView): string[] {
  const label = labelled(terminal);
  const hung = (name: string, text: string): string[] =>
    wrapped(text, terminal.width - HANG).map((line, i) => (i === 0 ? `${label(name)} ${line}` : `${" ".repeat(HANG)}${line}`));
  // What the instructions say is not said twice.
  const known = [because?.code, ...instructions.map(({ message }) => message)];
  const said = because?.text === undefined || known.includes(because.text) ? "" : `: ${because.text}`;
  const mend = instructions.flatMap(({ rule, code, message, resource }) => [
    ...hung("mend", `${message}${resource === undefined ? "" : ` (${resource})`}`),
    `${" ".repeat(HANG)}${terminal.paint("dim", `rule ${visible(rule)}, code ${visible(code)}`)}`,
  ]);
  return [
    ...(because === undefined ? [] : hung("because", `${because.code}${said}`)),
    ...mend,
    ...(drift === undefined ? [] : [`${label("expected")} state ${drift.expected}`, `${label("found")} state ${drift.observed}`]),
  ];
}

export function glassText({ by, name, at, reason, due_at: due, overdue, reviewed }: GlassView): string {
  const why = reason === undefined ? "" : `: ${visible(reason)}`;
  const after =
    reviewed === undefined
      ? `review ${overdue ? "OVERDUE since" : "due by"} ${moment(due)}`
      : `reviewed by ${visible(reviewed.by)}: ${reviewed.verdict === "approve" ? "approved" : "OBJECTED"}`;
  return `broken by ${visible(by)} (${visible(name)}), ${moment(at)}${why}; ${after}`;
}

const HANG = 10;

export function seatText({ id, who, count, signed_by: signed, missing, unfillable, strength }: SeatView): string {
  const names = signed.map(({ name, channel }) => `${visible(name)} (${visible(channel)})`).join(", ");
  const need = unfillable ? "nobody who may sit here is left" : missing === 0 ? "filled" : `${missing} of ${count} missing`;
  return `${visible(id)}: ${who.map((word) => visible(word)).join(" or ")}; ${need}${signed.length === 0 ? "" : `; signed by ${names}`}${strength === "passkey" ? "; with a passkey" : ""}`;
}

export function conflictText({ change, status, proposer, resources, more = 0 }: ConflictView): string {
  const what = resources.map((name) => visible(name)).join(", ");
  return `${visible(change)} (${visible(status)}, ${visible(proposer)}) touches ${what}${more > 0 ? ` and ${more} more` : ""}`;
}

/** Waiting for nobody is no waiting: what to do then. */
export function noteStuck(terminal: Terminal, { status, seats = [] }: ChangeView): void {
  if (status !== "awaiting" || !seats.some(({ unfillable }) => unfillable)) return;
  terminal.note(
    "nobody is left who may sit there: an owner unknown here, or only those who asked for it. Add people or handles with `pawl people propose`, or have it proposed by somebody else",
  );
}

/** What most commands answer with: how the change stands now. With `--quiet` the id alone. */
export function answerChange(context: Context, view: ChangeView): void {
  context.terminal.answer(view, () => (context.terminal.manner.quiet ? [view.id] : changeLines(context.terminal, view)));
  noteStuck(context.terminal, view);
}

/** The same once it has ended or waits for a person, with the exit code that says which. With `--quiet` its status alone. */
export async function answerEnd(context: Context, start: ChangeView, asked = false): Promise<void> {
  const { view, standing } = await follow(context, start, asked);
  context.terminal.answer(view, () => (context.terminal.manner.quiet ? [view.status] : endLines(context, view, standing)));
  context.exit = exitFor(standing);
}

/** A proposal that was taken: its id, and with `--wait` how it went on. */
export async function answerProposed(context: Context, view: ChangeView, wait: boolean): Promise<void> {
  const { terminal } = context;
  if (!wait) {
    terminal.answer(view, () => [view.id]);
    terminal.note(`proposed${view.revision > 1 ? ` as revision ${view.revision}` : ""}; read its plan with: pawl show ${view.id}`);
    return;
  }
  terminal.line(view.id);
  const { view: last, standing } = await follow(context, view);
  terminal.answer(last, () => (terminal.manner.quiet ? [] : endLines(context, last, standing)));
  context.exit = exitFor(standing);
}

const endLines = ({ terminal }: Context, view: ChangeView, standing: Standing): string[] =>
  standing === "ended" ? whyLines(terminal, view) : [];

/** All events of a change, oldest first. */
export async function eventsOf(context: Context, id: string): Promise<readonly EventView[]> {
  const all: EventView[] = [];
  for (;;) {
    const { events } = await context.client.get<{ readonly events: readonly EventView[] }>(pathOf(id, "/events"), {
      from: all.length,
      limit: 500,
    });
    all.push(...events);
    if (events.length < 500) return all;
  }
}
