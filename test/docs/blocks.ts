/** The fenced blocks of a document, with what their marks ask for (see CONTRIBUTING.md). */
import assert from "node:assert/strict";

export type Block = { readonly line: number; readonly text: string } & (
  | { readonly kind: "run"; readonly fails: number; readonly says?: string; readonly output?: string }
  | { readonly kind: "up"; readonly output?: string }
  | { readonly kind: "file"; readonly path: string }
);

interface Fence {
  readonly line: number;
  readonly language: string;
  readonly mark: string;
  readonly text: string;
}

function fences(markdown: string): Fence[] {
  return [...markdown.matchAll(/^```(\S*)[ \t]*(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    line: markdown.slice(0, match.index).split("\n").length,
    language: match[1] ?? "",
    mark: match[2] ?? "",
    text: match[3] ?? "",
  }));
}

const says = (word: string | undefined): { says?: string } => (word === undefined ? {} : { says: word });

/** What to do with a document, in order. A shell block that says none of `run`, `up` and `skip:` is a fault of the document. */
export function blocks(path: string, markdown: string): Block[] {
  const found: Block[] = [];
  for (const { line, language, mark, text } of fences(markdown)) {
    const file = /^file=(\S+)$/.exec(mark)?.[1];
    const run = /^run(?: fails=(\d+))?(?: says=(\S+))?$/.exec(mark);
    const last = found.at(-1);
    if (file) found.push({ kind: "file", path: file, line, text });
    else if (language === "sh" && run) found.push({ kind: "run", fails: Number(run[1] ?? 0), ...says(run[2]), line, text });
    else if (language === "sh" && mark === "up") found.push({ kind: "up", line, text });
    else if (mark === "output" && last !== undefined && last.kind !== "file") found[found.length - 1] = { ...last, output: text };
    else assert.ok(language !== "sh" || /^skip: \S/.test(mark), `${path}:${line}: mark this block \`run\`, \`up\` or \`skip: why\``);
  }
  return found;
}

/** Whether what was printed is what the document shows; `…` stands for anything, also over several lines. */
export function matches(printed: string, shown: string): boolean {
  const escaped = shown.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll("…", String.raw`[\s\S]*?`)}$`).test(printed.trim());
}
