import ignore from "ignore";
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
  return { owners, matches: matcher(pattern) };
}

/** gitignore's rules with one exception of GitHub's: `dir/*` owns the files in `dir`, and nothing deeper. */
function matcher(pattern: string): (path: string) => boolean {
  const folder = /^(.*)\/\*$/.exec(pattern)?.[1];
  // `dir/**/*` is every file below, as `dir/**` is.
  if (folder === undefined || /(^|\/)\*\*$/.test(folder)) return ignored(pattern);
  if (folder === "") return (path) => !path.includes("/");
  const own = folderMatcher(folder.replace(/^\//, ""));
  return (path) => {
    const at = folderOf(path);
    return at !== undefined && own(at);
  };
}

function ignored(pattern: string): (path: string) => boolean {
  const rule = ignore({ ignorecase: false }).add(pattern);
  return (path) => rule.ignores(path);
}

/** Whether a folder matches by itself: to gitignore, whatever stands below a folder that matches does so, too. */
function folderMatcher(pattern: string): (folder: string) => boolean {
  const glob = pattern.includes("\\") ? undefined : compileGlob(pattern);
  if (glob?.ok === true) return (folder) => glob.value.matches(folder);
  const rule = ignored(`/${pattern}/`);
  return (folder) => rule(`${folder}/`) && (folderOf(folder) === undefined || !rule(`${folderOf(folder) ?? ""}/`));
}

const folderOf = (path: string): string | undefined => (path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : undefined);
