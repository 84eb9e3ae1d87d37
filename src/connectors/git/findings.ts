import { isUtf8 } from "node:buffer";
import { hiddenCharacters, lookAlikeLetters, ok, refuse } from "../../core/base/index.ts";
import type { Refusal, Result } from "../../core/base/index.ts";
import type { Finding } from "../../core/plan/index.ts";
import { dependencyReport } from "./dependencies/index.ts";
import type { DependencyChange } from "./dependencies/index.ts";
import { addedLines } from "./diff-lines.ts";
import { clip, isBinary, resourceOf, textOf, typeOf } from "./effects.ts";
import { clashes } from "./clashes.ts";
import { linkTarget, pathFault } from "./names.ts";
import type { OwnerRules } from "./owners.ts";
import type { Secrets } from "./redact.ts";
import type { TreeChange } from "./types.ts";

export interface FindingsInput {
  readonly repository: string;
  readonly changes: readonly TreeChange[];
  /** Every path of the resulting tree; empty when no path is new. */
  readonly treePaths: readonly string[];
  readonly owners: OwnerRules;
  readonly message: string;
  /** Files in which secrets stand: nothing of what they say is repeated. */
  readonly secrets: Secrets;
}

type Report = (code: string, severity: Finding["severity"], path: string | undefined, message: string, remedy: string) => void;

/** What is wrong or remarkable in the changed paths, apart from secrets. Pure. */
export function findingsOf(input: FindingsInput): readonly Finding[] {
  const findings: Finding[] = [];
  const report: Report = (code, severity, path, message, remedy) => {
    const resource = path === undefined ? {} : { resource: resourceOf(input.repository, path) };
    findings.push({ code, severity, message, ...resource, remedy, provenance: "derived" });
  };
  for (const change of input.changes) {
    nameFindings(change, report);
    if (change.after === undefined) continue;
    kindFindings(change, report);
    characterFindings(change, report);
    if (!input.secrets.has(change)) dependencyFindings(change, report);
    placeFindings(change, report);
  }
  const unseen = hiddenCharacters(input.message).map(
    ({ codePoint, name, line, column }) => `line ${line}, column ${column}: ${codePoint} ${name}`,
  );
  if (unseen.length > 0)
    report(
      "git.hidden_character",
      "danger",
      undefined,
      `the commit's message does not show as it is read: ${listed(unseen)}`,
      "take the characters out",
    );
  const alike = input.message.split("\n").flatMap((text, index) => lookAlikeLetters(text).map((at) => ({ ...at, line: index + 1 })));
  if (alike.length > 0)
    report(
      "git.look_alike",
      "danger",
      undefined,
      `letters of the commit's message look like others: ${listed(alike.map(({ line, column, codePoint }) => `line ${line}, column ${column}: ${codePoint}`))}`,
      "write the word in one script",
    );
  for (const [path, other] of clashes(input.changes, input.treePaths)) {
    report(
      "git.case_clash",
      "danger",
      path,
      `is the same file as ${other} where letter case or accents are not told apart`,
      "give it a name that differs in more than case",
    );
  }
  for (const fault of input.owners.faults.slice(0, 20)) {
    report(
      "git.codeowners_line",
      "warning",
      undefined,
      `line ${fault.line} of CODEOWNERS is skipped: ${fault.message}`,
      "mend CODEOWNERS on the branch",
    );
  }
  return findings;
}

/** Windows opens these as devices, or strips the end of the name. */
const RESERVED = /(^|\/)((con|prn|aux|nul|com[1-9]|lpt[1-9])(\.[^/]*)?|[^/]*[. ])(\/|$)/i;

function nameFindings({ path, after }: TreeChange, report: Report): void {
  if (after === undefined) return;
  const odd = [...hiddenCharacters(path), ...lookAlikeLetters(path)].map(({ codePoint, column }) => `${codePoint} at ${column}`);
  if (odd.length > 0)
    report(
      "git.deceptive_name",
      "danger",
      path,
      `the name holds characters that do not show, or look like others: ${listed(odd)}`,
      "use a plain name",
    );
  if (RESERVED.test(path))
    report(
      "git.reserved_name",
      "warning",
      path,
      "the name cannot be used on Windows",
      "use a name without device names, and without a dot or blank at its end",
    );
}

function kindFindings({ path, before, after }: TreeChange, report: Report): void {
  if (after === undefined) return;
  const type = typeOf(after);
  if (type === "submodule")
    report(
      "git.submodule",
      "danger",
      path,
      `brings the commit ${after.oid} of another repository, whose content nobody here looked at`,
      "bring the files themselves",
    );
  if (type === "link") linkFinding(path, textOf(after), report);
  if (type === "file" && after.mode === "100755" && before?.mode !== "100755")
    report("git.executable", "warning", path, "becomes executable", "leave the mode as it was, unless it is a program");
  if (type === "file" && after.bytes === undefined)
    report("git.huge_file", "warning", path, `has ${after.size} bytes, more than is inspected`, "keep large files out of the repository");
  if (after.bytes !== undefined && !isBinary(after.bytes) && !isUtf8(after.bytes))
    report(
      "git.not_utf8",
      "warning",
      path,
      "holds bytes that are not UTF-8; what is shown of them is the same sign for all",
      "save it as UTF-8",
    );
  if (after.bytes !== undefined && isBinary(after.bytes))
    report("git.binary", "warning", path, "is binary: nobody can read what changes", "bring the source that it is made from");
}

function linkFinding(path: string, target: string | undefined, report: Report): void {
  const inside = target === undefined ? undefined : linkTarget(path, target);
  if (inside === undefined) {
    report(
      "git.link_outside",
      "danger",
      path,
      "is a symbolic link that leads out of the repository, into git's own directory, or up again from a folder that it names",
      "link to a file of this repository by a relative path",
    );
  }
}

const SHOWN = 10;
/** So many in one file, and the rest of it is not looked at: a file of nothing else would keep everybody waiting. */
const ENOUGH = 1_000;
/** A line is looked at in parts that end before a blank, or where a word is longer than a part. */
const PARTS = /[^]{1,4096}(?=[ \t]|$)|[^]{1,4096}/gu;

/** What in a line's text deceives, part by part, until it is enough. */
function inParts<T extends { readonly column: number }>(text: string, find: (part: string) => readonly T[]): readonly T[] {
  const found: T[] = [];
  let column = 0;
  for (const part of text.match(PARTS) ?? []) {
    for (const one of find(part)) found.push({ ...one, column: one.column + column });
    if (found.length >= ENOUGH) break;
    column += Array.from(part).length;
  }
  return found;
}

function characterFindings(change: TreeChange, report: Report): void {
  if (binary(change)) return;
  const lines = addedLines(change).filter(({ text }) => /[^\n\t\x20-\x7E]/.test(text));
  const hidden: string[] = [];
  const alike: string[] = [];
  for (const { number, text } of lines) {
    const bare = (number === 1 ? text.replace(/^\uFEFF/, " ") : text).replace(/\r$/, "");
    if (hidden.length < ENOUGH)
      for (const found of inParts(bare, hiddenCharacters))
        hidden.push(`line ${number}, column ${found.column}: ${found.codePoint} ${found.name}`);
    if (alike.length < ENOUGH)
      for (const found of inParts(bare, lookAlikeLetters)) alike.push(`line ${number}, column ${found.column}: ${found.codePoint}`);
  }
  if (hidden.length > 0) {
    report(
      "git.hidden_character",
      "danger",
      change.path,
      `text that does not show as it is read: ${listed(hidden)}`,
      "take the characters out, or write them as escapes",
    );
  }
  if (alike.length > 0) {
    report("git.look_alike", "danger", change.path, `letters that look like others: ${listed(alike)}`, "write the word in one script");
  }
}

const binary = (change: TreeChange): boolean => change.after?.bytes !== undefined && isBinary(change.after.bytes);
const listed = (all: readonly string[]): string =>
  `${all.slice(0, SHOWN).join("; ")}${all.length > SHOWN ? `; and ${all.length >= ENOUGH ? "very many" : all.length - SHOWN} more` : ""}`;

function dependencyFindings(change: TreeChange, report: Report): void {
  const after = textOf(change.after);
  if (after === undefined) return;
  const read = dependencyReport(change.path, textOf(change.before), after);
  if (read?.kind === "unread")
    report("git.manifest_unread", "warning", change.path, `cannot be read: ${read.why}`, "write it as its tools do");
  if (read?.kind !== "read") return;
  for (const script of read.installScripts) {
    report(
      "git.install_script",
      "danger",
      change.path,
      `runs a program when the package is installed: ${clip(script, 200)}`,
      "take the script out, or say why it must run",
    );
  }
  const runs = read.changes.filter(({ before, after: now }) => now?.runsOnInstall === true && before?.runsOnInstall !== true);
  const elsewhere = read.changes.filter(({ before, after: now }) => now?.source !== undefined && now.source !== before?.source);
  const replaced = read.changes.filter(isReplaced);
  const names = (list: readonly DependencyChange[]): string => listed(list.map(({ name }) => clip(name, 200)));
  if (runs.length > 0)
    report(
      "git.install_script",
      "danger",
      change.path,
      `packages that run a program when they are installed: ${names(runs)}`,
      "choose packages without install scripts, or allow them by name",
    );
  if (elsewhere.length > 0)
    report(
      "git.dependency_source",
      "danger",
      change.path,
      `packages from elsewhere than the registry: ${names(elsewhere)}`,
      "use published packages",
    );
  if (replaced.length > 0)
    report(
      "git.dependency_replaced",
      "danger",
      change.path,
      `the same version with other content: ${names(replaced)}`,
      "make the lockfile again with the package manager",
    );
}

const isReplaced = ({ before, after }: DependencyChange): boolean =>
  before !== undefined &&
  after !== undefined &&
  before.version === after.version &&
  before.integrity !== undefined &&
  before.integrity !== after.integrity;

function placeFindings({ path }: TreeChange, report: Report): void {
  if (/^(\.github\/|docs\/)?CODEOWNERS$/.test(path))
    report("git.ownership", "warning", path, "decides who must approve later changes", "have it approved by those who own it now");
  if (/(^|\/)\.gitattributes$/.test(path))
    report("git.attributes", "warning", path, "decides how git converts, merges and shows files", "check each attribute");
}

/** Any name may go, as long as it can be said which: two that are not UTF-8 look the same. */
const goneFault = (path: string): string | undefined => (path.includes("\uFFFD") ? "is not UTF-8" : undefined);

/** A path that may not be written at all: the plan ends here, since its name would stand in everything that follows. */
export function refusedPaths(changes: readonly TreeChange[]): Result<void, Refusal<"git_path_refused">> {
  const faults = changes.flatMap(({ path, after }) => {
    const why = after === undefined ? goneFault(path) : pathFault(path);
    return why === undefined ? [] : [`${JSON.stringify(path.slice(0, 200))} ${why}`];
  });
  if (faults.length === 0) return ok(undefined);
  return refuse("git_path_refused", `the result holds paths that are refused: ${listed(faults)}`, {
    remedy: "name files by plain paths inside the repository",
  });
}
