import { compileGlob } from "../../core/base/index.ts";

/** Where GitHub looks, in its order; the first that exists counts. */
export const CODEOWNERS_PATHS = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"] as const;

/** GitHub reads no larger file. */
export const CODEOWNERS_BYTES = 3 * 1024 * 1024;

export interface OwnerRules {
  /** The owners of a path: those of the last rule that matches. A rule without owners takes ownership away. */
  readonly owners: (path: string) => readonly string[];
  /** Lines that name nobody or use a form that CODEOWNERS does not have; GitHub skips them. */
  readonly faults: readonly { readonly line: number; readonly message: string }[];
}

interface Rule {
  readonly owners: readonly string[];
  readonly matches: (path: string) => boolean;
}

const MOST_OWNERS = 100;
const OWNER = /^(@[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9._-]+)?|[^\s@]+@[^\s@]+\.[^\s@]+)$/;

/** More than any repository has; each rule is held against each changed path. */
const MOST_RULES = 20_000;

/** A file that is there and cannot be used: nobody is known to own anything, and no other file takes its place. */
export const unreadOwners = (why: string): OwnerRules => ({ owners: () => [], faults: [{ line: 1, message: why }] });

export function readOwners(text: string): OwnerRules {
  const rules: Rule[] = [];
  const faults: { line: number; message: string }[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const parsed = readLine(line);
    if (parsed === undefined) continue;
    if (typeof parsed === "string") faults.push({ line: index + 1, message: parsed });
    else rules.push(parsed);
    if (rules.length > MOST_RULES) return unreadOwners(`the file has more than ${MOST_RULES} rules, so all of it is skipped`);
  }
  return { owners: (path) => rules.findLast((rule) => rule.matches(path))?.owners ?? [], faults };
}

/** A rule, what is wrong with the line, or nothing for a blank or a comment. */
function readLine(line: string): Rule | string | undefined {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return undefined;
  // GitLab's section headers are no rules.
  if (/^\^?\[[^\]]*\]/.test(text) && !text.startsWith("[!")) return "sections are not supported";
  const words = text.match(/(?:\\.|[^\s\\])+/g) ?? [];
  const pattern = words[0] ?? "";
  const comment = words.findIndex((word, at) => at > 0 && word.startsWith("#"));
  const owners = words.slice(1, comment < 0 ? undefined : comment);
  if (pattern.startsWith("!")) return "a pattern cannot be negated";
  if (/\[/.test(pattern)) return "character ranges are not supported";
  if (pattern.startsWith("\\#")) return "a pattern cannot begin with #";
  if (owners.length > MOST_OWNERS) return `more than ${MOST_OWNERS} owners`;
  const wrong = owners.find((owner) => owner.length > 200 || !OWNER.test(owner));
  if (wrong !== undefined) return `${JSON.stringify(wrong.slice(0, 100))} is not an owner: write @user, @organisation/team or an address`;
  const matches = matcher(pattern);
  return typeof matches === "string" ? matches : { owners, matches };
}

/**
 * gitignore's rules with one exception of GitHub's: `dir/*` owns the files in `dir`, and nothing deeper. A pattern becomes one of our
 * globs, whose cost is bounded for every pattern and path; a file of the repository's cannot make a plan hang.
 */
function matcher(pattern: string): Rule["matches"] | string {
  const components = pattern.replace(/^\//, "").replace(/\/$/, "").split("/").map(plainly);
  const odd = components.find((component) => component.fault !== undefined);
  if (odd?.fault !== undefined) return odd.fault;
  // A slash at the beginning or within ties a pattern to the root.
  const tied = pattern.slice(0, -1).includes("/");
  const glob = `${tied ? "" : "**/"}${components.map(({ text }) => text).join("/")}`;
  const last = components.at(-1)?.text;
  const own = last === "**" || (tied && last === "*" && !pattern.endsWith("/"));
  const folders = last === "**" ? `${glob}/*/**` : `${glob}/**`;
  const wanted = pattern.endsWith("/") ? [folders] : own ? [glob] : [glob, folders];
  const compiled = wanted.map(compileGlob);
  const refused = compiled.find((each) => !each.ok);
  if (refused?.ok === false) return refused.error.message;
  const literal = /^[^*?]*/.exec(glob)?.[0] ?? "";
  return (path) => path.startsWith(literal) && compiled.some((each) => each.ok && each.value.matches(path));
}

/** One component without its escapes. Only a whole one can be `**`; elsewhere two stars are as good as one. */
function plainly(component: string): { readonly text: string; readonly fault?: string } {
  if (component === "") return { text: "", fault: "a pattern has no empty component" };
  if (component === "**") return { text: "**" };
  if (/\\[*?\\]|\\$/.test(component)) return { text: "", fault: "a star, a question mark or a backslash cannot be meant literally" };
  return { text: component.replaceAll(/\\(.)/gu, "$1").replaceAll(/\*{2,}/g, "*") };
}
