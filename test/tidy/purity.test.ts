/** Time, chance and the outside world reach the code as arguments, so that a test or a replay can choose them. */
import test from "node:test";
import type { Node, SourceFile } from "typescript/unstable/ast";
import { isCallExpression, isIdentifier, isNewExpression, isPropertyAccessExpression } from "typescript/unstable/ast/is";
import { ratchet } from "./ratchet.ts";
import { none } from "./report.ts";
import { at, sources, walk } from "./tree.ts";

const WORLD = new Map([
  ["process", "take the value as an argument; settings are read in src/main.ts"],
  ["performance", "take `now` as an argument"],
  ["setTimeout", "return when to be called again; control owns the timers"],
  ["setInterval", "return when to be called again; control owns the timers"],
  ["setImmediate", "return the next step instead"],
  ["queueMicrotask", "return the next step instead"],
  ["fetch", "take what was fetched as an argument"],
  ["console", "return what is to be said"],
  ["crypto", "use core/base's digests, or take random bytes as an argument"],
  ["Buffer", "use Uint8Array and core/base's codecs; only core/base/hash.ts may know Buffer"],
]);
const HASH = "src/core/base/hash.ts";

/** A name that is used as a value, and not the name of a member, a property or a declaration. */
function isFree(node: Node): boolean {
  const { parent } = node;
  if (!parent) return false;
  if (isPropertyAccessExpression(parent)) return parent.expression === node;
  return (parent as { name?: Node }).name !== node;
}

/** `Date.now()`, `new Date()`, `Date()`, `Math.random()`, `performance.now()`, `randomUUID()`: reads of the clock or of chance. */
function clockOrChance(node: Node): string | undefined {
  if (isNewExpression(node) && node.expression.getText() === "Date" && (node.arguments?.length ?? 0) === 0) return "new Date()";
  if (isCallExpression(node) && node.expression.getText() === "Date") return "Date()";
  if (isPropertyAccessExpression(node)) {
    const text = node.getText();
    return ["Date.now", "Math.random", "performance.now", "crypto.randomUUID", "crypto.getRandomValues"].includes(text) ? text : undefined;
  }
  const isRandom = isIdentifier(node) && ["randomUUID", "randomBytes", "randomInt"].includes(node.text);
  return isRandom && isFree(node) ? node.text : undefined;
}

function uses(path: string, source: SourceFile, find: (node: Node) => string | undefined): { place: string; what: string }[] {
  const found: { place: string; what: string }[] = [];
  walk(source, (node) => {
    const what = find(node);
    if (what !== undefined) found.push({ place: at(path, source, node), what });
  });
  return found;
}

const inCore = [...sources].filter(([path]) => path.startsWith("src/core/") && !path.endsWith(".test.ts"));
const atEdge = [...sources].filter(([path]) => path.startsWith("src/") && !path.startsWith("src/core/") && !path.endsWith(".test.ts"));

test("the core knows no clock and no chance", () => {
  const found = inCore.flatMap(([path, source]) => uses(path, source, clockOrChance));
  none(found.map(({ place, what }) => `${place}: ${what}; take it as an argument`));
});

test("the core touches nothing of the outside world", () => {
  const free = (node: Node): string | undefined => (isIdentifier(node) && WORLD.has(node.text) && isFree(node) ? node.text : undefined);
  const found = inCore.filter(([path]) => path !== HASH).flatMap(([path, source]) => uses(path, source, free));
  none(found.map(({ place, what }) => `${place}: ${what}; ${WORLD.get(what)}`));
});

test("outside the core the clock and chance are read in src/wiring.ts and a few named places, and passed in", () => {
  const found = new Map<string, number>();
  for (const [path, source] of atEdge) {
    const count = uses(path, source, clockOrChance).length;
    if (path !== "src/wiring.ts" && count > 0) found.set(path, count);
  }
  none(ratchet("clock", found, 0, "Take `now`, an id source or random bytes as an argument; src/wiring.ts has the real ones."));
});
