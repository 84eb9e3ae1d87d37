import { never, visible } from "../base/index.ts";
import { payloadOf } from "../change/index.ts";
import type { Effect, Provenance, Severity } from "../plan/index.ts";
import { CHANNELS, selectorText } from "../policy/index.ts";
import type { Outcome, RuleTrace, Seat } from "../policy/index.ts";
import { presentationDigest } from "./present.ts";
import { Sheet } from "./sheet.ts";
import type { Cell, Style } from "./sheet.ts";
import type { Item, ItemOf, Presentation, Section, Tone } from "./types.ts";
import { renderDetail, renderFields, seenRows, valueText } from "./values.ts";

/** What is true as of now and not part of what is signed. */
export interface RenderContext {
  /** `revision: 2`, `expires: in 3 h 49 min`. */
  readonly facts?: readonly { readonly label: string; readonly text: string }[];
  /** Who has voted, by seat. */
  readonly votes?: readonly { readonly seat: string; readonly text: string; readonly approves: boolean }[];
  /** How each rule came out. */
  readonly trace?: readonly RuleTrace[];
}

export interface RenderOptions {
  readonly width: number;
  readonly color: boolean;
  readonly context?: RenderContext;
}

const NARROWEST = 48;
const WIDEST = 160;
/** Everything hangs from this column; what stands left of it says how to take it. */
const HANG = 13;
/** A digest must fit beside its name on a line of 80 columns. */
const FOOT = 16;

/** A presentation for a terminal. Nothing in it is left out or cut short, whatever the width. */
export function renderText(presentation: Presentation, { width, color, context = {} }: RenderOptions): string {
  const sheet = new Sheet(Math.min(WIDEST, Math.max(NARROWEST, Math.trunc(width))), color);
  renderHead(sheet, presentation);
  for (const finding of presentation.alerts) renderFinding(sheet, finding);
  for (const section of presentation.sections) renderSection(sheet, section, context);
  renderNow(sheet, context);
  renderFoot(sheet, presentation);
  return `${sheet.lines.join("\n")}\n`;
}

const OUTCOME: Readonly<Record<Outcome, Style>> = {
  auto: "green-bold",
  review: "yellow-bold",
  escalate: "magenta-bold",
  revise: "magenta-bold",
  block: "red-bold",
};

function renderHead(sheet: Sheet, { title, author, proposer, onBehalfOf, change, outcome }: Presentation): void {
  sheet.row({ indent: 0, body: { text: visible(title), style: "bold" }, right: { text: outcome.toUpperCase(), style: OUTCOME[outcome] } });
  const by = proposer === onBehalfOf ? proposer : `${proposer} for ${onBehalfOf}`;
  const revised = author === proposer ? "" : `, revised by ${author}`;
  sheet.row({ indent: 0, body: { text: `proposed by ${by}${revised}`, style: "dim" }, right: { text: change, style: "dim" } });
  sheet.gap();
}

/** With one step, naming it everywhere says nothing. */
const stepNames = (section: Section): boolean => new Set(section.items.flatMap((item) => ("step" in item ? [item.step] : []))).size > 1;

function renderSection(sheet: Sheet, section: Section, context: RenderContext): void {
  const named = stepNames(section);
  sheet.heading({ text: section.question, style: "bold" }, { text: section.answer });
  for (const item of section.items) renderItem(sheet, item, named, context);
}

function renderItem(sheet: Sheet, item: Item, named: boolean, context: RenderContext): void {
  switch (item.kind) {
    case "step":
      return renderStep(sheet, item);
    case "effect":
      return renderEffect(sheet, item, named);
    case "finding":
      return renderFinding(sheet, item);
    case "words":
      return renderWords(sheet, item);
    case "fact":
      return sheet.row({ lead: [{ text: visible(item.label), style: "dim" }], indent: HANG, body: { text: visible(item.text) } });
    case "statement":
      return renderStatement(sheet, item);
    case "observation":
      return renderObservation(sheet, item, named);
    case "reason":
      return sheet.row({
        lead: [{ text: item.outcome, style: OUTCOME[item.outcome] }],
        indent: HANG,
        body: { text: visible(item.text) },
        right: { text: visible(item.rule), style: "dim" },
      });
    case "instruction":
      return renderInstruction(sheet, item);
    case "undo":
      return renderUndo(sheet, item, named);
    case "seat":
      return renderSeat(sheet, item.seat, context);
    case "note":
      return sheet.row({ indent: 0, body: { text: visible(item.text) } });
    default:
      return never(item, "item");
  }
}

function renderStep(sheet: Sheet, { step, connector, operation, target }: ItemOf<"step">): void {
  const aim = Object.entries(target).map(([name, value]) => `${visible(name)} ${visible(value)}`);
  sheet.row({
    lead: [{ text: visible(step), style: "dim" }],
    indent: HANG,
    body: { text: [`${connector} ${operation}`, ...aim].join(" · ") },
  });
}

const TONE: Readonly<Record<Tone, Style>> = {
  destructive: "red-bold",
  outward: "magenta-bold",
  changing: "yellow-bold",
  adding: "green-bold",
};
const REVERSED: Readonly<Record<Effect["reversibility"], Style>> = {
  reversible: "plain",
  compensable: "yellow",
  irreversible: "red",
  unknown: "magenta",
};
const SHAPE: Readonly<Record<Provenance, string>> = { derived: "●", attested: "✓", claimed: "◌", unknown: "?" };
const HOW: Readonly<Record<Provenance, Style>> = { derived: "plain", attested: "green", claimed: "yellow", unknown: "magenta" };
/** Shape and word together: neither colour nor a legend is needed to tell what is known from what is said. */
const knownBy = (provenance: Provenance): string => `${SHAPE[provenance]} ${provenance}`;

function renderEffect(sheet: Sheet, { tone, consequence, effect, step }: ItemOf<"effect">, named: boolean): void {
  sheet.gap();
  sheet.row({
    lead: [{ text: effect.kind.toUpperCase(), style: TONE[tone] }],
    indent: HANG,
    body: { text: visible(effect.resource), style: "bold" },
    right: { text: consequence, style: REVERSED[effect.reversibility] },
  });
  const labelled = (label: string, texts: readonly string[]): string[] =>
    texts.length === 0 ? [] : [`${label} ${texts.map((text) => visible(text)).join(", ")}`];
  const owned = effect.owners.length === 0 ? ["owner unknown"] : labelled("owned by", effect.owners);
  const place = `${visible(effect.resourceKind)} in ${visible(effect.system)}, ${visible(effect.environment)}`;
  const where = [place, ...labelled("touches", effect.surfaces), ...owned, ...(named ? [`by ${step}`] : [])].join(" · ");
  sheet.row({
    lead: [{ text: knownBy(effect.provenance), style: HOW[effect.provenance] }],
    indent: HANG,
    body: { text: where, style: "dim" },
  });
  if (effect.summary !== "") sheet.row({ indent: HANG, body: { text: visible(effect.summary) }, lead: [] });
  renderFields(sheet, effect.fields, HANG);
  renderDetail(sheet, effect.detail, HANG);
}

const SEVERITY: Readonly<Record<Severity, { readonly word: string; readonly style: Style }>> = {
  refused: { word: "REFUSED", style: "red-bold" },
  danger: { word: "DANGER", style: "red-bold" },
  warning: { word: "WARNING", style: "yellow-bold" },
  info: { word: "NOTE", style: "plain" },
};

/** Gravest findings stand at the top, close together; the others where they belong. */
function renderFinding(sheet: Sheet, { severity, message, resources, provenance, code, remedy }: ItemOf<"finding">): void {
  const { word, style } = SEVERITY[severity];
  const grave = severity === "danger" || severity === "refused";
  const bar: readonly Cell[] = grave ? [{ text: "▌ ", style }] : [];
  if (!grave) sheet.gap();
  sheet.row({
    lead: [...bar, { text: word, style }],
    rest: bar,
    indent: HANG,
    body: { text: visible(message), style: grave ? "bold" : "plain" },
  });
  const below = (cell: Cell): void => sheet.row({ lead: bar, rest: bar, indent: HANG, body: cell });
  for (const resource of resources) below({ text: `· ${visible(resource)}` });
  const advice = remedy === undefined ? "" : ` · ${visible(remedy)}`;
  below({ text: `${knownBy(provenance)} · ${visible(code)}${advice}`, style: "dim" });
}

function renderWords(sheet: Sheet, { by, revising, text }: ItemOf<"words">): void {
  const says = revising === undefined ? `${by} says:` : `${by} says (revised; proposed by ${revising}):`;
  sheet.row({ lead: [{ text: knownBy("claimed"), style: HOW.claimed }], indent: HANG, body: { text: says, style: "dim" } });
  const gutter: readonly Cell[] = [{ text: `${" ".repeat(HANG)}│`, style: "dim" }];
  for (const line of visible(text, { lines: true }).replaceAll("\t", "    ").split("\n")) {
    sheet.row({ lead: gutter, rest: gutter, indent: HANG + 2, body: { text: line } });
  }
}

function known(sheet: Sheet, provenance: Provenance, text: string, source: string): void {
  sheet.row({
    lead: [{ text: knownBy(provenance), style: HOW[provenance] }],
    indent: HANG,
    body: { text },
    right: { text: visible(source), style: "dim" },
  });
}

function renderObservation(sheet: Sheet, { observation, step }: ItemOf<"observation">, named: boolean): void {
  const { subject, value, method, provenance } = observation;
  const rows = seenRows(value);
  const text = rows === undefined ? `${visible(subject)}: ${valueText(value)}` : visible(subject);
  known(sheet, provenance, text, named ? `${method} for ${step}` : method);
  if (rows !== undefined) renderFields(sheet, rows, HANG);
}

function renderStatement(sheet: Sheet, { text, resources, provenance, source }: ItemOf<"statement">): void {
  const [first = "", ...more] = visible(text, { lines: true }).split("\n");
  known(sheet, provenance, first, source);
  for (const line of more) sheet.row({ indent: HANG, body: { text: line } });
  for (const resource of resources)
    sheet.row({
      lead: [{ text: `${" ".repeat(HANG)}·`, style: "dim" }],
      indent: HANG + 2,
      body: { text: visible(resource), style: "dim" },
    });
}

function renderInstruction(sheet: Sheet, { rule, code, message, resource }: ItemOf<"instruction">): void {
  sheet.row({
    lead: [{ text: "to mend" }],
    indent: HANG,
    body: { text: visible(message) },
    right: { text: `${visible(code)} by ${visible(rule)}`, style: "dim" },
  });
  if (resource !== undefined) sheet.row({ indent: HANG, body: { text: visible(resource), style: "dim" } });
}

const IMPOSSIBLE = "It cannot be undone";

function renderUndo(sheet: Sheet, { step, undo }: ItemOf<"undo">, named: boolean): void {
  const style: Style = undo.kind === "impossible" ? "red-bold" : "plain";
  known(sheet, undo.provenance, visible(undo.text), named ? `${step} · ${undo.kind}` : undo.kind);
  if (undo.kind === "impossible" && !undo.text.startsWith(IMPOSSIBLE)) sheet.row({ indent: HANG, body: { text: `${IMPOSSIBLE}.`, style } });
}

function renderSeat(sheet: Sheet, seat: Seat, { votes = [] }: RenderContext): void {
  const who = seat.who.length === 0 ? "nobody" : seat.who.map((selector) => visible(selectorText(selector))).join(", or ");
  const how = [
    seat.strength,
    ...(seat.channels.length === 0 || CHANNELS.every((channel) => seat.channels.includes(channel))
      ? []
      : [`by ${seat.channels.map((channel) => visible(channel)).join(", ")}`]),
  ].join(" · ");
  const cast = votes.filter((vote) => vote.seat === seat.id);
  const aim = seat.glass !== undefined ? ", in an emergency" : seat.step === undefined ? "" : `, for ${visible(seat.step)}`;
  const lead = `${cast.filter(({ approves }) => approves).length >= seat.count ? "■" : "□"} ${visible(seat.id)}`;
  sheet.row({ lead: [{ text: lead }], indent: HANG, body: { text: `${seat.count} of: ${who}${aim}` }, right: { text: how, style: "dim" } });
  for (const vote of cast) sheet.row({ indent: HANG, body: { text: visible(vote.text), style: vote.approves ? "green" : "red" } });
}

function renderNow(sheet: Sheet, { facts = [], trace = [] }: RenderContext): void {
  if (facts.length + trace.length === 0) return;
  sheet.heading({ text: "As of now", style: "bold" }, { text: "not part of what is signed", style: "dim" });
  for (const { label, text } of facts)
    sheet.row({ lead: [{ text: visible(label), style: "dim" }], indent: HANG, body: { text: visible(text) } });
  for (const rule of trace) renderTrace(sheet, rule);
}

function renderTrace(sheet: Sheet, { rule, outcome, fired, when, parts, error, skipped }: RuleTrace): void {
  const state = error !== undefined ? "error" : skipped === true ? "cannot match" : fired ? "fired" : "not met";
  sheet.row({
    lead: [{ text: state, style: fired ? OUTCOME[outcome] : "dim" }],
    indent: HANG,
    body: { text: visible(rule) },
    right: { text: outcome, style: "dim" },
  });
  sheet.row({ indent: HANG, body: { text: visible(when), style: "dim" } });
  for (const part of parts.filter(({ text }) => text !== when))
    sheet.row({ indent: HANG, body: { text: `${visible(part.text)} = ${visible(JSON.stringify(part.value))}`, style: "dim" } });
  if (error !== undefined) sheet.row({ indent: HANG, body: { text: visible(error), style: "red" } });
}

function renderFoot(sheet: Sheet, presentation: Presentation): void {
  sheet.gap();
  const digests = {
    proposal: presentation.proposal,
    plan: presentation.plan,
    state: presentation.state,
    route: presentation.route,
    shown: presentationDigest(presentation),
  };
  const steps = presentation.sections.flatMap(({ items }) => items.flatMap((item) => (item.kind === "step" ? [item] : [])));
  // The grant's own payload digest, so that what is read here can be compared with what runs.
  const payload = payloadOf(
    steps.map((s) => ({ id: s.step, connector: s.connector, operation: s.operation, state: s.stateDigest, payload: s.payloadDigest })),
  );
  const bytes = steps.map(({ step, payloadDigest }) => [`bytes of ${step}`, payloadDigest] as const);
  for (const [name, digest] of [...Object.entries({ ...digests, payload }), ...bytes])
    sheet.row({ lead: [{ text: name, style: "dim" }], indent: FOOT, body: { text: digest, style: "dim" } });
}
