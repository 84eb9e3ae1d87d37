/** The plan as the command line reads it: what is shown here is checked to be what a vote would sign. */
import { digestJson, visible, type Digest } from "../core/base/index.ts";
import { planDigest, stateDigestOf } from "../core/plan/index.ts";
import type { Item, ItemOf } from "../core/presentation/index.ts";
import { reviewDigest, type ReviewObject } from "../core/review/index.ts";
import type { PlanView } from "../control/types.ts";
import { eventsOf, pathOf, seatText } from "./changes.ts";
import type { Context } from "./context.ts";
import { refusal } from "./errors.ts";
import type { Style, Terminal } from "./terminal.ts";

/** The plan under review. Its digests are computed here again: a server cannot show one thing and have another signed. */
export async function readPlan(context: Context, id: string): Promise<PlanView> {
  const view = await context.client.get<PlanView>(pathOf(id, "/plan"));
  const { digests, plan, presentation } = view;
  const computed: readonly (readonly [string, Digest, Digest])[] = [
    ["plan", planDigest(plan), digests.plan],
    ["state", stateDigestOf(plan), digests.state],
    ["presentation", digestJson(presentation), digests.presentation],
    ["plan of the presentation", presentation.plan, digests.plan],
    ["route of the presentation", presentation.route, digests.route],
    ["review", reviewDigest(digests), digests.review],
  ];
  const wrong = computed.filter(([, own, told]) => own !== told);
  if (wrong.length === 0) return view;
  throw refusal("not_as_signed", "what the server shows is not what a vote would sign", {
    where: id,
    remedy: "sign nothing; tell whoever runs this Pawl",
    faults: wrong.map(([name, own, told]) => ({ code: "digest", message: `is ${own} as computed here, ${told} as told`, where: name })),
  });
}

const PARTS: Readonly<Record<keyof ReviewObject, string>> = {
  plan: "the plan",
  state: "the state that it was planned on",
  route: "the route: its outcome, seats or reasons",
  bundle: "the policy",
  presentation: "what is shown",
};

/** Which of the signed parts differ between what was read and what stands now. */
export async function whatMoved(context: Context, id: string, read: Digest): Promise<readonly string[]> {
  const routed = (await eventsOf(context, id)).flatMap(({ event }) => {
    const {
      type,
      review,
      reviewDigest: named,
    } = event as unknown as { readonly type: string; readonly review?: ReviewObject; readonly reviewDigest?: Digest };
    return type === "routed" && review !== undefined ? [{ review, named }] : [];
  });
  const before = routed.findLast(({ named }) => named === read)?.review;
  const now = routed.at(-1)?.review;
  if (before === undefined || now === undefined) return ["that digest was never under review here"];
  const names = (Object.keys(PARTS) as (keyof ReviewObject)[]).filter((part) => before[part] !== now[part]);
  // A re-plan changes what is shown with nearly everything else; saying so adds nothing.
  const telling = names.filter((part) => part !== "presentation" || names.length === 1);
  return telling.map((part) => PARTS[part]);
}

const TONES: Readonly<Record<ItemOf<"effect">["tone"], { readonly mark: string; readonly style: Style }>> = {
  destructive: { mark: "-", style: "red" },
  outward: { mark: ">", style: "magenta" },
  changing: { mark: "~", style: "yellow" },
  adding: { mark: "+", style: "green" },
};

const isEffect = (item: Item): item is ItemOf<"effect"> => item.kind === "effect";

/** What is about to be signed, in brief. Every effect has its line: nothing that will run is left out. */
export function signingLines(terminal: Terminal, { presentation, change, digests }: PlanView): string[] {
  const items = presentation.sections.flatMap((section) => section.items);
  const reasons = items.filter((item): item is ItemOf<"reason"> => item.kind === "reason");
  const dim = (text: string): string => terminal.paint("dim", text);
  return [
    terminal.paint("bold", visible(presentation.title)),
    dim(`${change.id}  revision ${change.revision}`),
    dim(`asked by ${visible(presentation.proposer)} for ${visible(presentation.onBehalfOf)}`),
    "",
    ...presentation.alerts.map(
      ({ message, resources }) =>
        `${terminal.paint(["red", "bold"], "!")} ${visible(message)}${dim(resources.map((resource) => `  ${visible(resource)}`).join(""))}`,
    ),
    ...items.filter(isEffect).map((item) => effectLine(terminal, item)),
    "",
    ...reasons.map(({ rule, outcome, text }) => `${outcome}: ${visible(text)} ${dim(`(${visible(rule)})`)}`),
    ...(change.seats ?? []).map((seat) => `seat ${seatText(seat)}`),
    "",
    `${dim("state  ")} ${digests.state}`,
    `${dim("payload")} ${digests.payload}`,
    `${dim("review ")} ${terminal.paint("bold", digests.review)}`,
  ];
}

function effectLine(terminal: Terminal, { tone, consequence, effect }: ItemOf<"effect">): string {
  const { mark, style } = TONES[tone];
  const unseen =
    effect.detail.kind === "uninspectable"
      ? terminal.paint(["red", "bold"], `  cannot be inspected: ${visible(effect.detail.reason)}`)
      : "";
  return `${terminal.paint(style, `${mark} ${effect.kind.padEnd(7)}`)} ${visible(effect.resource)}  ${terminal.paint("dim", visible(consequence))}${unseen}`;
}
