import { ok, refuse } from "../../core/base/index.ts";
import type { KeyedDigest, Refusal, Result } from "../../core/base/index.ts";
import { secretDigest, secretValue } from "../../core/plan/index.ts";
import type { Effect, Finding, PlanValue } from "../../core/plan/index.ts";
import { addedLines } from "./diff-lines.ts";
import { resourceOf, textOf } from "./effects.ts";
import { findSecrets } from "./secrets.ts";
import type { SecretHit } from "./secrets.ts";
import type { Side, TreeChange } from "./types.ts";

export interface Redacted {
  readonly effects: readonly Effect[];
  readonly findings: readonly Finding[];
}

/** The lines of one side on which secrets stand, with what stands for them in the plan. */
interface SecretLines {
  readonly hits: readonly SecretHit[];
  /** Text of a line → the digest that is shown in its place. */
  readonly lines: ReadonlyMap<string, KeyedDigest>;
}

const NONE: SecretLines = { hits: [], lines: new Map() };

export type Secrets = ReadonlyMap<TreeChange, { readonly before: SecretLines; readonly after: SecretLines }>;

/** The secrets on both sides of every change that has any. */
export async function scanChanges(changes: readonly TreeChange[], key: Uint8Array): Promise<Secrets> {
  const sources = new Map(changes.map((change) => [change.path, change]));
  const found = new Map<TreeChange, { before: SecretLines; after: SecretLines }>();
  for (const change of changes) {
    // The diff of a file that moved shows lines of its old content.
    const old = change.movedFrom === undefined ? change : sources.get(change.movedFrom);
    const before = await secretLines(old?.before, old?.path ?? change.path, key);
    const after = await secretLines(change.after, change.path, key);
    if (before !== NONE || after !== NONE) found.set(change, { before, after });
  }
  return found;
}

/**
 * Takes secrets out of what the effects show. Whole lines go, because a rule may not say exactly where its secret ends. A secret
 * that the change brings is refused; one that was there already is only hidden.
 */
export function redactSecrets(
  repository: string,
  changes: readonly TreeChange[],
  effects: readonly Effect[],
  secrets: Secrets,
  key: Uint8Array,
): Redacted {
  const findings: Finding[] = [];
  const shown = effects.map((effect, index) => {
    const change = changes[index];
    const found = change === undefined ? undefined : secrets.get(change);
    if (change === undefined || found === undefined) return effect;
    findings.push(...findingsFor(resourceOf(repository, change.path), change, found.before, found.after));
    return redacted(effect, change, found.before, found.after, key);
  });
  return { effects: shown, findings };
}

async function secretLines(side: Side | undefined, path: string, key: Uint8Array): Promise<SecretLines> {
  const text = textOf(side);
  const hits = text === undefined ? [] : await findSecrets(text, path);
  if (text === undefined || hits.length === 0) return NONE;
  const lines = new Map<string, KeyedDigest>();
  for (const hit of hits) {
    const start = text.lastIndexOf("\n", hit.start - 1) + 1;
    const end = text.indexOf("\n", hit.end);
    const block = text.slice(start, end < 0 ? undefined : end);
    const digest = secretDigest(key, block);
    for (const line of block.split("\n")) if (line.trim() !== "") lines.set(line, digest);
  }
  return { hits, lines };
}

function findingsFor(resource: string, change: TreeChange, before: SecretLines, after: SecretLines): readonly Finding[] {
  const fresh = new Set(change.after === undefined ? [] : addedLines(change).map(({ number }) => number));
  const isFresh = ({ line, lastLine }: SecretHit): boolean => {
    for (let at = line; at <= lastLine; at += 1) if (fresh.has(at)) return true;
    return false;
  };
  const brought = after.hits.filter(isFresh);
  const kept = after.hits.filter((hit) => !isFresh(hit));
  const where = (hits: readonly SecretHit[]): string =>
    hits
      .slice(0, 10)
      .map((hit) => `line ${hit.line} (${hit.rule})`)
      .join(", ");
  const findings: Finding[] = [];
  const add = (code: string, severity: Finding["severity"], message: string, remedy: string): void =>
    void findings.push({ code, severity, message, resource, remedy, provenance: "derived" });
  if (brought.length > 0)
    add(
      "git.secret",
      "refused",
      `holds what looks like a secret: ${where(brought)}`,
      "take it out of the ref's history, replace it where it is used, and propose again",
    );
  if (kept.length > 0)
    add("git.secret_present", "warning", `held what looks like a secret before this change: ${where(kept)}`, "replace it where it is used");
  if (before.hits.length > 0 && after.hits.length === 0)
    add(
      "git.secret_removed",
      "info",
      `no longer holds what looks like a secret: ${where(before.hits)}`,
      "replace it where it is used: history still holds it",
    );
  return findings;
}

function redacted(effect: Effect, change: TreeChange, before: SecretLines, after: SecretLines, key: Uint8Array): Effect {
  const lines = new Map([...before.lines, ...after.lines]);
  const detail = effect.detail.kind === "diff" ? { ...effect.detail, text: redactDiff(effect.detail.text, lines) } : effect.detail;
  const hide = (value: PlanValue | undefined, side: Side | undefined, secrets: SecretLines): PlanValue | undefined =>
    value === undefined || secrets === NONE || side === undefined ? value : secretValue(key, textOf(side) ?? "");
  const fields = effect.fields.map((field) => {
    if (field.path !== "content") return field;
    const [old, now] = [hide(field.before, change.before, before), hide(field.after, change.after, after)];
    return { path: field.path, ...(old && { before: old }), ...(now && { after: now }) };
  });
  const link =
    effect.resourceKind === "git.link" ? { summary: `Points the link ${change.path} to a target that holds what looks like a secret` } : {};
  return { ...effect, ...link, detail, fields };
}

function redactDiff(diff: string, lines: ReadonlyMap<string, KeyedDigest>): string {
  return diff
    .split("\n")
    .map((line) => {
      // A hunk's heading repeats a line of the file, cut anywhere: in such a file none is shown.
      const heading = /^@@ -[0-9,]+ \+[0-9,]+ @@/.exec(line);
      if (heading !== null) return heading[0];
      const digest = lines.get(line.slice(1));
      return digest === undefined ? line : `${line[0] ?? ""}[a secret stands here: ${digest}]`;
    })
    .join("\n");
}

/** As programs write text within text; its last letter would pass for the beginning of the word that follows. */
const ESCAPE = /\\(?:[nrtbfv"'\\/]|x[0-9a-f]{2}|u[0-9a-f]{4})|%[0-9a-f]{2}/gi;

/** Whole lines go, because a rule may not say exactly where its secret ends. */
export async function withoutSecretLines(text: string): Promise<string> {
  const unescaped = text.replaceAll(ESCAPE, (escape) => " ".repeat(escape.length));
  const hits = [...(await findSecrets(text, "output")), ...(unescaped === text ? [] : await findSecrets(unescaped, "output"))];
  const secret = new Set(hits.flatMap(({ line, lastLine }) => Array.from({ length: lastLine - line + 1 }, (_, n) => line + n)));
  if (secret.size === 0) return text;
  return text
    .split("\n")
    .map((line, at) => (secret.has(at + 1) ? "[a line in which something looks like a secret]" : line))
    .join("\n");
}

/** Names with a secret in them cannot be shown at all. */
export async function noSecretNames(changes: readonly TreeChange[]): Promise<Result<void, Refusal<"git_secret">>> {
  const hits = await findSecrets(changes.map(({ path }) => path).join("\n"), "names");
  if (hits.length === 0) return ok(undefined);
  return refuse("git_secret", `the name of a changed file holds what looks like a secret (${hits[0]?.rule ?? ""})`, {
    remedy: "rename the file, and replace the secret where it is used",
  });
}
