/** Routes of what outsiders are handed: a change's evidence, and the ledger in the forms of other systems. */
import { Type } from "typebox";
import type { ExportPage } from "../../control/types.ts";
import { EXPORT_FORMATS } from "../../core/evidence/index.ts";
import { choice, closed, maybe, ref, shape, text } from "./parts.ts";
import type { CallerKind, RouteContract } from "./table.ts";

/** It holds the policy and the directory, which people alone may read. */
const PEOPLE: readonly CallerKind[] = ["human"];
const EXPORTERS: readonly CallerKind[] = ["human", "workload"];

const exportQuery = Type.Object(
  {
    format: maybe(choice(EXPORT_FORMATS)),
    since: maybe(
      Type.String({ pattern: "^(0|[1-9][0-9]{0,14})$", description: "The cursor of the page before; without it, from the first entry." }),
    ),
    limit: maybe(Type.Integer({ minimum: 1, maximum: 1000, default: 500 })),
  },
  closed,
);

export const exportPage = shape<ExportPage>()(
  Type.Object(
    {
      format: choice(EXPORT_FORMATS),
      events: Type.Array(
        Type.Unsafe<ExportPage["events"][number]>({ type: "object", description: "One for each entry, in the form that was asked for." }),
      ),
      cursor: text("Where the next page begins. It stays good for ever."),
      more: Type.Boolean({ description: "There are further entries already." }),
    },
    { $id: "ExportPage", ...closed },
  ),
);

export const evidenceRoutes = {
  readBundle: {
    method: "GET",
    path: "/v1/changes/:id/bundle",
    tag: "changes",
    summary: "Read a change's evidence bundle",
    callers: PEOPLE,
    trace: { kind: "reads" },
    answer: Type.Unsafe<unknown>({ type: "object", description: "One canonical JSON document, signed whole: see docs/evidence.md." }),
  },
  exportEntries: {
    method: "GET",
    path: "/v1/export",
    tag: "ledger",
    summary: "Read the ledger's entries as other systems take them",
    callers: EXPORTERS,
    trace: { kind: "reads" },
    query: exportQuery,
    answer: ref(exportPage),
  },
} as const satisfies Record<string, RouteContract>;
