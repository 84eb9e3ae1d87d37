import type { ChangeState, Glass } from "../core/change/index.ts";
import type { Deps } from "./deps.ts";
import { heldBy } from "./holding.ts";
import { readWords } from "./payloads.ts";
import type { ChangeView, GlassView } from "./types.ts";

/** What keeps a change from starting, and what was decided for it in an emergency: both go into every view of it. */
export async function governedView(deps: Deps, state: ChangeState): Promise<Partial<ChangeView>> {
  const { notBefore, glass = [] } = state;
  return {
    ...(notBefore === undefined ? {} : { not_before: notBefore }),
    ...(await heldView(deps, state)),
    ...(glass.length === 0 ? {} : { glass: await Promise.all(glass.map((each) => viewGlass(deps, each))) }),
  };
}

async function heldView(deps: Deps, state: ChangeState): Promise<Partial<ChangeView>> {
  if (state.status !== "awaiting" && state.status !== "authorised") return {};
  const held = await heldBy(deps, state);
  if (held.length === 0) return {};
  const known = state.holds.length === 0 && held.every(({ until }) => until !== undefined);
  const holds = [...state.holds, ...held.map(({ text }) => text)];
  return { holds, ...(known ? { held_until: Math.max(...held.map(({ until }) => until ?? 0)) } : {}) };
}

/** The sentence of what happens next, with what is owed for broken glass. */
export function nextWith(
  next: string,
  { id, status, expiresAt }: ChangeState,
  { holds = [], glass = [], held_until: until }: Partial<ChangeView>,
): string {
  const late = until !== undefined && until >= expiresAt ? " It expires before that." : "";
  const held = status === "authorised" && holds.length > 0 ? `Authorised, and held by ${holds.join(", and ")}.${late}` : next;
  const open = glass.find(({ reviewed }) => reviewed === undefined);
  if (open === undefined) return held;
  const due = `${new Date(open.due_at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `THE GLASS WAS BROKEN by ${open.by}: its review ${open.overdue ? "is OVERDUE since" : "is due by"} ${due} (pawl review ${id}). ${held}`;
}

async function viewGlass(deps: Deps, glass: Glass): Promise<GlassView> {
  const { grant, name, by, at, reason, channel, dueAt, review } = glass;
  const words = await readWords(deps, reason);
  const said = await readWords(deps, review?.comment);
  return {
    grant,
    name,
    by,
    at,
    channel,
    ...(typeof words === "string" ? { reason: words } : {}),
    due_at: dueAt,
    overdue: review === undefined && deps.clock.now() >= dueAt,
    ...(review === undefined
      ? {}
      : { reviewed: { by: review.by, at: review.at, verdict: review.verdict, ...(typeof said === "string" ? { evidence: said } : {}) } }),
  };
}
