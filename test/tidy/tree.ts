/** The tree under test: the files that are or will be tracked, and what TypeScript's own parser sees in them. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Node, SourceFile } from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";

/** `PAWL_TIDY_ROOT` points the checks at another tree, so that a test can see them fail. */
export const root = process.env["PAWL_TIDY_ROOT"] ?? resolve(import.meta.dirname, "../..");

/** Tracked files, and new ones that nobody ignored: a ban must not wait for the commit. */
export const files: readonly string[] = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 1 << 26,
})
  .split("\0")
  .filter((path) => path !== "" && existsSync(join(root, path)) && statSync(join(root, path)).isFile())
  .toSorted();

const texts = new Map<string, string>();
export function read(path: string): string {
  let text = texts.get(path);
  if (text === undefined) texts.set(path, (text = readFileSync(join(root, path), "utf8")));
  return text;
}

export const exists = (path: string): boolean => existsSync(join(root, path));
/** Lines as an editor counts them: a closing newline opens no further line. */
export const lines = (text: string): string[] => text.replace(/\n$/, "").split("\n");

const isBinary = (path: string): boolean => read(path).includes("\0");
export const textFiles = files.filter((path) => !isBinary(path));
export const markdown = files.filter((path) => path.endsWith(".md"));

export const isTest = (path: string): boolean => path.endsWith(".test.ts") || path.startsWith("test/") || path.startsWith("src/testing/");

/** Every TypeScript file of the project, parsed. */
export const sources: ReadonlyMap<string, SourceFile> = parse();

function parse(): Map<string, SourceFile> {
  const api = new API({ cwd: root });
  try {
    const program = api.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] }).getProjects()[0]?.program;
    const found = new Map<string, SourceFile>();
    for (const path of files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))) {
      const source = program?.getSourceFile(join(root, path));
      if (source) found.set(path, source);
    }
    return found;
  } finally {
    api.close();
  }
}

/** Visits a node and all below it, outermost first. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

const lineOf = (source: SourceFile, node: Node): number => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;

/** `src/a.ts:12`, as an editor opens it. */
export const at = (path: string, source: SourceFile, node: Node): string => `${path}:${lineOf(source, node)}`;
