import type { Command } from "commander";
import { visible } from "../../core/base/index.ts";
import { renderText } from "../../core/presentation/index.ts";
import type { ChangeView, EventView, PlanView } from "../../control/types.ts";
import { changeLines, conflictText, eventsOf, glassText, nextText, noteStuck, pathOf, stepTexts } from "../changes.ts";
import type { Context } from "../context.ts";
import { changeId } from "../inputs.ts";
import { readPlan } from "../plans.ts";
import type { Terminal } from "../terminal.ts";
import { moment, span } from "../words.ts";

interface Options {
  readonly events?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .option("--events", "what happened to it, oldest first")
    .action((id: string, options: Options) => show(context, id, options));
}

async function show(context: Context, id: string, { events }: Options): Promise<void> {
  const { terminal } = context;
  const view = await planned(context, await context.known.get<ChangeView>(pathOf(id)));
  if (events === true) {
    const all = await eventsOf(context, id);
    return terminal.answer({ change: view, events: all }, () => [
      ...changeLines(terminal, view),
      "",
      ...all.map((event) => eventLine(terminal, event)),
    ]);
  }
  if (view.review_digest === undefined) return terminal.answer({ change: view }, () => changeLines(terminal, view));
  const plan = await readPlan(context, id);
  terminal.answer(plan, () => planText(context, plan).trimEnd().split("\n"));
  noteStuck(terminal, plan.change);
  if (plan.change.status === "awaiting") terminal.note("", `to sign exactly this: pawl approve ${id} --digest ${plan.digests.review}`);
}

/** A plan is a matter of seconds: it is waited for, once. */
async function planned(context: Context, view: ChangeView): Promise<ChangeView> {
  let now = view;
  for (let asked = 0; asked < 3 && (now.status === "proposed" || now.status === "planned"); asked++) {
    if (asked === 0) context.terminal.note("being planned …");
    now = await context.client.wait<ChangeView>(pathOf(view.id, "/wait"), now.version);
  }
  return now;
}

/** The sealed presentation; what is true only now stands where the renderer says so. */
function planText({ terminal, io }: Context, { change, presentation, trace, context: volatile, conflicts = [] }: PlanView): string {
  const facts = [
    { label: "status", text: change.status },
    { label: "revision", text: String(change.revision) },
    ...expiry(change, io.now()),
    ...(change.drift === undefined
      ? []
      : [
          { label: "expected", text: change.drift.expected },
          { label: "found", text: change.drift.observed },
        ]),
    // Of an authorised change, the line of what comes next tells them.
    ...(change.status === "authorised" ? [] : (change.holds ?? [])).map((text) => ({ label: "held by", text })),
    ...(change.glass ?? []).map((glass) => ({ label: "GLASS", text: glassText(glass) })),
    ...stepTexts(change).map((text) => ({ label: "run", text })),
    { label: "next", text: nextText(change) },
    ...conflicts.map((conflict) => ({ label: "also open", text: conflictText(conflict) })),
    ...lookedAt(volatile),
  ];
  const votes = (change.seats ?? []).flatMap(({ id, signed_by: signed }) =>
    signed.map(({ name, channel }) => ({ seat: id, text: `${name}, by ${channel}`, approves: true })),
  );
  return renderText(presentation, {
    width: terminal.width,
    color: terminal.colored,
    context: { facts, votes, trace: trace.filter(({ fired, error }) => fired || error !== undefined) },
  });
}

/** When the state was looked at, and what of it helps whoever looks for what moved: a line each. */
function lookedAt({ observed = {}, ...made }: PlanView["context"]): readonly { readonly label: string; readonly text: string }[] {
  const several = Object.keys(made).length > 1;
  const rows = Object.entries(made).flatMap(([step, facts]) =>
    Object.entries(facts).map(([name, text], i) => ({
      label: several && i === 0 ? step : "",
      text: `${name.replaceAll("_", " ")} ${valueText(name, text)}`,
    })),
  );
  return [...Object.values(observed).map((at) => ({ label: "looked at", text: moment(Date.parse(at)) })), ...rows];
}

const OPEN: readonly string[] = ["proposed", "planned", "awaiting", "authorised", "sent_back", "stale", "expired"];

/** A change expires only while it has not started. */
function expiry({ status, expires_at: end }: ChangeView, now: number): readonly { readonly label: string; readonly text: string }[] {
  if (!OPEN.includes(status)) return [];
  return [{ label: end > now ? "expires in" : "expired", text: end > now ? span(end - now) : `${span(end - now)} ago` }];
}

/** An event in one line; whatever is nested deeper stays for `--json`. */
function eventLine(terminal: Terminal, { index, type, at, event }: EventView): string {
  const { vote, because, ...rest } = event as { readonly vote?: Members; readonly because?: Members } & Members;
  const plain = Object.entries({
    ...rest,
    ...picked(vote, ["person", "decision", "seat", "channel"]),
    ...picked(because, ["code"]),
  }).filter(([name, value]) => !["type", "at", "change"].includes(name) && (typeof value === "string" || typeof value === "number"));
  const said = plain.map(([name, value]) => `${name} ${visible(valueText(name, value))}`).join(", ");
  return `${terminal.paint("dim", `${moment(at)}  ${`#${index}`.padEnd(6)}`)} ${terminal.paint("bold", type.padEnd(14))} ${terminal.paint("dim", said)}`;
}

type Members = Readonly<Record<string, unknown>>;

const picked = (members: Members | undefined, names: readonly string[]): Members =>
  Object.fromEntries(names.map((name) => [name, members?.[name]]));

function valueText(name: string, value: unknown): string {
  if (typeof value === "number") return /(At|Until)$/.test(name) ? moment(value) : String(value);
  return String(value).replace(/^(sha256:[0-9a-f]{12})[0-9a-f]{52}$/, "$1…");
}
