import { Type, type TSchema } from "typebox";
import type { GlassListView, GlassView } from "../../control/types.ts";
import { choice, closed, digest, maybe, millis, ref, shape, text } from "./parts.ts";
import type { CallerKind, RouteContract } from "./table.ts";

const HUMAN: readonly CallerKind[] = ["human"];
const words = (description: string) => Type.String({ minLength: 1, maxLength: 4000, description });

const members = {
  grant: text("The grant that it gave."),
  name: text("Of the emergency route."),
  by: text("Who broke it."),
  at: millis("When"),
  channel: text(),
  reason: maybe(text("In their words.")),
  due_at: millis("Until when somebody else must have reviewed it"),
  overdue: Type.Boolean(),
  reviewed: maybe(Type.Object({ by: text(), at: millis("When"), verdict: choice(["approve", "object"]), evidence: maybe(text()) }, closed)),
};

export const glass = shape<GlassView>()(
  Type.Object(members, { $id: "Glass", ...closed, description: "An emergency decision, and the review that is owed for it." }),
);
export const glassList = shape<GlassListView>()(
  Type.Object({ glass: Type.Array(Type.Object({ ...members, change: text(), title: text() }, closed)) }, { $id: "GlassList", ...closed }),
);
export const breakGlassBody = Type.Object(
  { reason: words("Why it cannot wait."), review_digest: digest("The review digest of what was read.") },
  { $id: "BreakGlass", ...closed },
);
export const reviewGlassBody = Type.Object(
  { verdict: choice(["approve", "object"]), evidence: words("What was looked at, and what was found.") },
  { $id: "ReviewGlass", ...closed },
);

/** `changed`: the answer of whatever moves a change. */
export const glassRoutes = (changed: TSchema) =>
  ({
    breakGlass: {
      method: "POST",
      path: "/v1/changes/:id/break-glass",
      tag: "review",
      summary: "Decide alone, in an emergency, what policy would have wait",
      callers: HUMAN,
      trace: { kind: "writes", entries: ["glass_broken", "routed", "voted", "authorised", "glass_opened"] },
      body: breakGlassBody,
      answer: changed,
    },
    reviewGlass: {
      method: "POST",
      path: "/v1/changes/:id/review",
      tag: "review",
      summary: "Say afterwards whether it was right to break the glass",
      callers: HUMAN,
      trace: { kind: "writes", entries: ["glass_reviewed", "glass_closed"] },
      body: reviewGlassBody,
      answer: changed,
    },
    listGlass: {
      method: "GET",
      path: "/v1/glass",
      tag: "review",
      summary: "List the broken glass that waits for a review",
      callers: HUMAN,
      trace: { kind: "reads" },
      answer: ref(glassList),
    },
  }) as const satisfies Record<string, RouteContract>;
