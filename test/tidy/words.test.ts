/** The project speaks of itself alone, in any checkout, on any machine. */
import { dirname } from "node:path";
import test from "node:test";
import { none } from "./report.ts";
import { lines, read, root, textFiles } from "./tree.ts";

interface Ban {
  readonly what: RegExp;
  readonly remedy: string;
}

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
/** The folders this very checkout stands in, unless they are the machine's common ones. */
const here = [root, dirname(root)].filter((path) => !["/", "/tmp", "/home", "/root", "/usr", "/opt", "/var"].includes(path));

const BANS: readonly Ban[] = [
  { what: /\b(?:TO(?:DO)|FIX(?:ME)|X(?:X)X)\b/, remedy: "do it now, or leave it out" },
  { what: new RegExp(here.map((path) => `${literal(path)}(?:/|\\b)`).join("|")), remedy: "name the path from the project's root" },
  { what: /\/(?:home|Users)\/[a-z]\w*\//, remedy: "name no one's home folder" },
  {
    what: /\b(?:npm|registry|artifactory|nexus|verdaccio)\.[a-z0-9-]+\.[a-z]{2,}\b/i,
    remedy: "name no package registry; the user's npm knows its own",
  },
  { what: /^\s*"resolved": /, remedy: "regenerate the lockfile under this project's .npmrc" },
  { what: /\b(?:issue|session|ticket|sprint|milestone|phase) #?\d+\b/i, remedy: "say what is so, not when it was planned" },
  { what: /\bthis (?:workplace|session's brief)\b/i, remedy: "the reader is somewhere else" },
];

test("no file speaks of this machine, of plans, or of work left undone", () => {
  const faults: string[] = [];
  for (const path of textFiles) {
    for (const [i, line] of lines(read(path)).entries()) {
      for (const { what, remedy } of BANS) {
        const word = what.exec(line)?.[0];
        if (word !== undefined) faults.push(`${path}:${i + 1}: "${word.trim()}"; ${remedy}`);
      }
    }
  }
  none(faults);
});

test("no file has a line that ends in blanks, and each ends with a newline", () => {
  const own = textFiles.filter((path) => /\.(?:ts|js|json|md|ya?ml|sh)$/.test(path) && !path.includes("/golden/"));
  const faults = own.flatMap((path) => {
    const text = read(path);
    const blank = lines(text).findIndex((line) => /[ \t\r]$/.test(line));
    return [
      ...(blank >= 0 ? [`${path}:${blank + 1}: blanks at the end`] : []),
      ...(text.endsWith("\n") ? [] : [`${path}: no newline at its end`]),
    ];
  });
  none(faults);
});
