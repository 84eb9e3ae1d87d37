import type { ChangeId, GrantId, Millis, PersonId } from "../core/base/index.ts";

/** A broken glass that waits for its review. */
export interface OpenGlass {
  readonly change: ChangeId;
  readonly grant: GrantId;
  readonly by: PersonId;
  readonly name: string;
  readonly at: Millis;
  readonly due_at: Millis;
}

export type GlassEvent =
  | ({ readonly type: "glass_opened" } & OpenGlass)
  | { readonly type: "glass_closed"; readonly at: Millis; readonly change: ChangeId; readonly grants: readonly GrantId[] };

export interface GlassState {
  readonly open: readonly OpenGlass[];
}

export const glassAfter = (events: readonly GlassEvent[], before: GlassState = { open: [] }): GlassState =>
  events.reduce<GlassState>(({ open }, event) => {
    if (event.type === "glass_closed") return { open: open.filter(({ grant }) => !event.grants.includes(grant)) };
    const { type: _type, ...opened } = event;
    return { open: [...open, opened] };
  }, before);
