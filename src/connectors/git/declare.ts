import { PATTERNS, compileGlob } from "../../core/base/index.ts";
import type { Refusal } from "../../core/base/index.ts";
import { refFault } from "./names.ts";
import type { GitRepository } from "./types.ts";

const NAME = new RegExp(PATTERNS.name);

/** What is wrong with the operator's declarations: all of it. */
export function checkRepositories(repositories: readonly GitRepository[]): readonly Refusal<"git_declaration_invalid">[] {
  const faults: Refusal<"git_declaration_invalid">[] = [];
  const names = new Set<string>();
  for (const [index, repository] of repositories.entries()) {
    const add = (member: string, message: string, remedy: string): void =>
      void faults.push({ code: "git_declaration_invalid", message, where: `repositories[${index}].${member}`, remedy });
    if (!NAME.test(repository.name))
      add("name", "a name has up to 64 lower-case letters, digits and . _ -", "choose a short name such as `shop`");
    if (names.has(repository.name)) add("name", `the name ${repository.name} is declared twice`, "give each repository a name of its own");
    names.add(repository.name);
    const url = urlFault(repository.url);
    if (url !== undefined) add("url", url, "give an absolute path, https://…, ssh://… or user@host:path");
    if (repository.environment === "")
      add("environment", "the environment is empty", "say what this repository is for, such as `production`");
    for (const pattern of repository.branches ?? []) {
      if (!compileGlob(pattern).ok || refFault(pattern.replace(/[*?]/g, "x")) !== undefined)
        add("branches", `${JSON.stringify(pattern)} matches no branch`, "write a branch name; `*` stands for a part of one");
    }
    for (const part of repository.author === undefined ? [] : [repository.author.name, repository.author.email]) {
      if (part === "" || part.length > 200 || /[<>\p{Cc}]/u.test(part))
        add("author", "a name or address is empty, too long, or holds < > or a line break", "write a plain name and address");
    }
    const check = repository.verify;
    if (check !== undefined && (check.argv.length === 0 || check.argv[0] === ""))
      add("verify.argv", "there is no program to run", "give the program and its arguments as a list");
    if (check !== undefined && !(check.timeoutSeconds > 0 && check.timeoutSeconds <= 3600))
      add("verify.timeoutSeconds", "the time is not between 1 and 3,600 seconds", "give a number of seconds");
  }
  return faults;
}

function urlFault(url: string): string | undefined {
  if (/[\p{Cc}\s]/u.test(url)) return "the address holds spaces or control characters";
  if (/^[a-z+]+::/.test(url)) return "addresses that name a helper program are not allowed";
  if (/^https:\/\/[^/]*@/.test(url)) return "the address holds credentials; they would appear in messages";
  if (url.startsWith("/") || /^(file:\/\/\/|https:\/\/[^/-])/.test(url)) return undefined;
  if (/^ssh:\/\/([A-Za-z0-9._]+@)?[A-Za-z0-9[][^/]*\//.test(url) || /^[A-Za-z0-9._]+@[A-Za-z0-9][A-Za-z0-9.-]*:[^-]/.test(url))
    return undefined;
  return "the address is none of the kinds that are allowed";
}
