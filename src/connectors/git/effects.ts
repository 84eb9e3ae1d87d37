import type { Detail, Effect, FieldChange, PlanValue } from "../../core/plan/index.ts";
import type { OwnerRules } from "./owners.ts";
import { surfacesOf } from "./surfaces.ts";
import type { GitLimits, GitRepository, Side, TreeChange } from "./types.ts";

export const systemOf = (repository: string): string => `git:${repository}`;
export const resourceOf = (repository: string, path: string): string => `${systemOf(repository)}#${path}`;

/** The beginning of a text, never ending in half a character, with a sign that there was more. */
export const clip = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "")}…`;

/** What stands in a plan for a path's content, and how many bytes of diff it may still show. */
export interface EffectContext {
  readonly repository: GitRepository;
  readonly owners: OwnerRules;
  readonly limits: GitLimits;
}

/** One effect per changed path. Diffs are shown in the order of paths until the plan's bound is used up; the others say so. */
export function effectsOf(changes: readonly TreeChange[], context: EffectContext): readonly Effect[] {
  let left = context.limits.detailPlanBytes;
  return changes.map((change) => {
    const detail = detailOf(change, context.limits, left);
    if (detail.kind === "diff") left -= Buffer.byteLength(detail.text);
    return effectOf(change, detail, context);
  });
}

function effectOf(change: TreeChange, detail: Detail, context: EffectContext): Effect {
  const surfaces = surfacesOf(change.path);
  return {
    kind: kindOf(change),
    resource: resourceOf(context.repository.name, change.path),
    resourceKind: resourceKindOf(change),
    system: systemOf(context.repository.name),
    environment: context.repository.environment,
    summary: summaryOf(change, detail),
    fields: fieldsOf(change),
    detail,
    reversibility: "reversible",
    exposure: "none",
    privilege: surfaces.some((surface) => surface === "ci" || surface === "ownership" || surface === "auth") ? "unknown" : "none",
    surfaces,
    owners: context.owners.owners(change.path),
    provenance: "derived",
  };
}

function kindOf(change: TreeChange): Effect["kind"] {
  if (change.before === undefined) return "create";
  if (change.after === undefined) return "delete";
  return typeOf(change.before) === typeOf(change.after) ? "update" : "replace";
}

export function typeOf(side: Side): "file" | "link" | "submodule" {
  if (side.mode === "120000") return "link";
  return side.mode === "160000" ? "submodule" : "file";
}

function resourceKindOf(change: TreeChange): string {
  const side = change.after ?? change.before;
  return side === undefined ? "git.file" : `git.${typeOf(side)}`;
}

export const isBinary = (bytes: Uint8Array): boolean => bytes.subarray(0, 8000).includes(0);

/** The text of a side, when it is text that may be inspected. */
export function textOf(side: Side | undefined): string | undefined {
  return side?.bytes === undefined || side.mode === "160000" || isBinary(side.bytes) ? undefined : Buffer.from(side.bytes).toString("utf8");
}

function fieldsOf(change: TreeChange): readonly FieldChange[] {
  const fields: FieldChange[] = [];
  const { before, after } = change;
  if (before?.digest !== after?.digest || before?.oid !== after?.oid)
    fields.push(field("content", before && contentValue(before), after && contentValue(after)));
  if (before?.mode !== after?.mode) fields.push(field("mode", before && json(before.mode), after && json(after.mode)));
  if (change.movedFrom !== undefined) fields.push(field("path", json(change.movedFrom), json(change.path)));
  if (change.movedTo !== undefined) fields.push(field("path", json(change.path), json(change.movedTo)));
  return fields;
}

const json = (value: string): PlanValue => ({ kind: "json", value });

function field(path: string, before: PlanValue | undefined, after: PlanValue | undefined): FieldChange {
  return { path, ...(before && { before }), ...(after && { after }) };
}

function contentValue(side: Side): PlanValue {
  if (side.mode === "160000") return json(side.oid);
  if (side.mode === "120000" && side.bytes !== undefined) return json(Buffer.from(side.bytes).toString("utf8"));
  const mediaType = side.bytes !== undefined && !isBinary(side.bytes) ? "text/plain" : "application/octet-stream";
  return { kind: "bytes", digest: side.digest, size: side.size, mediaType };
}

function detailOf(change: TreeChange, limits: GitLimits, left: number): Detail {
  if (change.movedTo !== undefined) return { kind: "none" };
  const huge = [change.before, change.after].find((side) => side !== undefined && side.size > limits.inspectBytes);
  if (huge !== undefined) return uninspectable(`the file has ${huge.size} bytes; ${limits.inspectBytes} is the bound`);
  const sides = [change.before, change.after].filter((side) => side !== undefined && side.mode !== "160000");
  if (sides.some((side) => side?.bytes !== undefined && isBinary(side.bytes))) return uninspectable("the content is binary");
  const text = change.diff;
  if (text === undefined) return uninspectable("the diffs of the plan are too large to be shown together");
  if (/\nBinary files /.test(text) && !text.includes("\n@@ ")) return uninspectable("the content is binary");
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.detailFileBytes) return uninspectable(`the diff has ${bytes} bytes; ${limits.detailFileBytes} is the bound`);
  if (bytes > left) return uninspectable("the diffs of the plan are too large to be shown together");
  return { kind: "diff", text, ...countLines(text) };
}

const uninspectable = (reason: string): Detail => ({ kind: "uninspectable", reason });

function countLines(diff: string): { readonly added: number; readonly removed: number } {
  const lines = diff.split("\n");
  const body = lines.slice(lines.findIndex((line) => line.startsWith("@@ ")));
  const count = (sign: string): number => body.filter((line) => line.startsWith(sign)).length;
  return lines.some((line) => line.startsWith("@@ ")) ? { added: count("+"), removed: count("-") } : { added: 0, removed: 0 };
}

function summaryOf(change: TreeChange, detail: Detail): string {
  const lines = detail.kind === "diff" ? ` (+${detail.added} −${detail.removed})` : "";
  const { path, before, after } = change;
  if (change.movedTo !== undefined) return `Removes ${path}, which moves to ${change.movedTo}`;
  const what = after === undefined ? (before === undefined ? "file" : typeOf(before)) : typeOf(after);
  if (after === undefined) return `Deletes the ${what} ${path}${lines}`;
  if (what === "link")
    return `${before === undefined ? "Creates" : "Changes"} the link ${path} to ${clip(textOf(after) ?? "an uninspectable target", 1_000)}`;
  if (what === "submodule") return `${before === undefined ? "Adds" : "Moves"} the submodule ${path} to commit ${after.oid}`;
  const mode =
    before !== undefined && before.mode !== after.mode
      ? modeText(before, after)
      : after.mode === "100755" && before === undefined
        ? ", executable"
        : "";
  if (change.movedFrom !== undefined) return `Creates ${path} from ${change.movedFrom}${mode}${lines}`;
  return `${before === undefined ? "Creates" : "Updates"} ${path}${mode}${lines}`;
}

function modeText(before: Side, after: Side): string {
  if (typeOf(before) !== typeOf(after)) return `, which was a ${typeOf(before)}`;
  return after.mode === "100755" ? ", making it executable" : ", no longer executable";
}
