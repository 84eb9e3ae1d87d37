import type { ASTNode } from "@marcbachmann/cel-js";
import type { Compiler } from "./compile.ts";
import { EXHAUSTED, charge } from "./machine.ts";
import type { Run, Typed } from "./machine.ts";
import { anyOf } from "./pattern.ts";
import type { Pattern } from "./pattern.ts";
import { BOOL, CelError, INT, STRING, listOf, nameOf } from "./types.ts";
import type { CelValue } from "./types.ts";
import { codePoints } from "./values.ts";

/** `size(x)`, `x.size()`, `s.startsWith(t)`, `s.endsWith(t)`, `s.contains(t)`, `s.matches(re)` and `glob(path, pattern or list)`: no others. */
export function compileCall(
  compiler: Compiler,
  node: ASTNode,
  name: string,
  receiver: ASTNode | undefined,
  args: readonly ASTNode[],
): Typed | undefined {
  const operands = receiver ? [receiver, ...args] : args;
  if (name === "size" && operands.length === 1) return size(compiler, operands[0] as ASTNode);
  if (operands.length === 2) {
    const [subject, other] = operands as [ASTNode, ASTNode];
    if (receiver && isSearch(name)) return search(compiler, subject, other, SEARCHES[name]);
    if (name === "matches" && receiver) return matching(compiler, subject, other, "regex");
    if (name === "glob" && !receiver) return matching(compiler, subject, other, "glob");
  }
  return compiler.fault(node, `there is no function ${name} with these arguments in pawl-cel/1`);
}

function size(compiler: Compiler, node: ASTNode): Typed | undefined {
  const of = compiler.compile(node);
  if (!of) return undefined;
  const { kind } = of.type;
  if (kind !== "string" && kind !== "list" && kind !== "map") return compiler.fault(node, `size() is not defined for ${nameOf(of.type)}`);
  const run: Run = (m) => {
    const value = of.run(m);
    if (value instanceof CelError) return value;
    if (typeof value === "string") return charge(m, value.length >> 6) ? codePoints(value) : EXHAUSTED;
    return value instanceof Map ? value.size : (value as readonly CelValue[]).length;
  };
  return { type: INT, run, size: of.size + 1 };
}

const SEARCHES = {
  startsWith: (a: string, b: string): boolean => a.startsWith(b),
  endsWith: (a: string, b: string): boolean => a.endsWith(b),
  contains: (a: string, b: string): boolean => a.includes(b),
};
const isSearch = (name: string): name is keyof typeof SEARCHES => Object.hasOwn(SEARCHES, name);

function search(compiler: Compiler, subject: ASTNode, other: ASTNode, fn: (a: string, b: string) => boolean): Typed | undefined {
  const text = compiler.expect(subject, STRING, "the text");
  const part = compiler.expect(other, STRING, "the part");
  if (!text || !part) return undefined;
  const run: Run = (m) => {
    const a = text.run(m);
    if (a instanceof CelError) return a;
    const b = part.run(m);
    if (b instanceof CelError) return b;
    return charge(m, 1 + ((a as string).length >> 6)) ? fn(a as string, b as string) : EXHAUSTED;
  };
  return { type: BOOL, run, size: text.size + part.size + 1 };
}

/** The pattern must be a literal: what a rule looks for is decided by the bundle, never by the facts. */
function matching(compiler: Compiler, subject: ASTNode, other: ASTNode, kind: "glob" | "regex"): Typed | undefined {
  const text = compiler.expect(subject, STRING, "the text");
  const pattern = patternOf(compiler, other, kind);
  if (!text || !pattern) return undefined;
  const run: Run = (m) => {
    const value = text.run(m);
    if (value instanceof CelError) return value;
    const matches = pattern.test(value as string, m);
    return m.left >= 0 ? matches : EXHAUSTED;
  };
  return { type: BOOL, run, size: text.size + 1 };
}

function patternOf(compiler: Compiler, node: ASTNode, kind: "glob" | "regex"): Pattern | undefined {
  const several = node.op === "list" && kind === "glob";
  const source = compiler.expect(node, several ? listOf(STRING) : STRING, "the pattern");
  if (!source) return undefined;
  if (source.literal === undefined) return compiler.fault(node, "the pattern must be a literal");
  const sources = several ? (source.literal as readonly string[]) : [source.literal as string];
  const patterns = sources.map((one) => compiler.patterns.made(kind, one));
  const fault = patterns.find((pattern) => typeof pattern === "string");
  return fault === undefined ? anyOf(patterns as Pattern[]) : compiler.fault(node, fault);
}
