/** Small enough to read: a function fits a screen, a file is one room. */
import test from "node:test";
import type { Node, SourceFile } from "typescript/unstable/ast";
import {
  isArrowFunction,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isSetAccessorDeclaration,
} from "typescript/unstable/ast/is";
import { exceptions, ratchet } from "./ratchet.ts";
import { none } from "./report.ts";
import { files, isTest, lines, read, sources } from "./tree.ts";

const FILE_LINES = 400;
const FUNCTION_LINES = 70;

const isFunction = (node: Node): boolean =>
  isArrowFunction(node) ||
  isConstructorDeclaration(node) ||
  isFunctionDeclaration(node) ||
  isFunctionExpression(node) ||
  isGetAccessorDeclaration(node) ||
  isMethodDeclaration(node) ||
  isSetAccessorDeclaration(node);

/** The function's own name, or that of the variable or property that holds it. */
function nameOf(node: Node): string | undefined {
  const own = (node as { name?: Node }).name ?? (node.parent as { name?: Node } | undefined)?.name;
  return own?.getText();
}

/** Lines from the first to the last, and those of them that belong to no function inside. */
function measure(source: SourceFile, node: Node): { whole: number; own: number } {
  const line = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  const span = (of: Node): number => line(of.end) - line(of.getStart(source)) + 1;
  let inner = 0;
  const descend = (child: Node): void => {
    if (isFunction(child)) inner += span(child);
    else child.forEachChild(descend);
  };
  node.forEachChild(descend);
  return { whole: span(node), own: span(node) - inner };
}

function functionLengths(path: string, source: SourceFile): Map<string, number> {
  const found = new Map<string, number>();
  const visit = (node: Node, outer: string): void => {
    let name = outer;
    if (isFunction(node)) {
      name = nameOf(node) ?? (outer || "callback");
      const { whole, own } = measure(source, node);
      // A suite of tests is a list, not a function: what counts in it is each test.
      const count = isTest(path) ? own : whole;
      const where = `${path}#${name}`;
      found.set(where, Math.max(count, found.get(where) ?? 0));
    }
    node.forEachChild((child) => visit(child, name));
  };
  visit(source, "");
  return found;
}

test(`a file has at most ${FILE_LINES} lines`, () => {
  const code = files.filter((path) => /\.(?:ts|tsx|js)$/.test(path));
  const found = new Map(code.map((path) => [path, lines(read(path)).length]));
  none(ratchet("file-lines", found, FILE_LINES, "Split it along its ideas."));
});

test(`a function has at most ${FUNCTION_LINES} lines`, () => {
  const found = new Map([...sources].flatMap(([path, source]) => [...functionLengths(path, source)]));
  none(ratchet("function-lines", found, FUNCTION_LINES, "Name its steps and call them."));
});

test("every exception says why it stands", () => {
  none(exceptions.filter((e) => e.reason.length < 20).map((e) => `${e.check} ${e.where}: give the reason`));
  none(exceptions.filter((e) => !["file-lines", "function-lines", "clock"].includes(e.check)).map((e) => `${e.check}: no such check`));
});
