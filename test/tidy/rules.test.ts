/** A rule is true because a test says so: every rule of docs/spec is cited by a test, and every citation names a rule. */
import test from "node:test";
import {
  isNoSubstitutionTemplateLiteral,
  isStringLiteral,
  isTemplateHead,
  isTemplateMiddle,
  isTemplateTail,
} from "typescript/unstable/ast/is";
import { none } from "./report.ts";
import { files, isTest, lines, read, sources, walk } from "./tree.ts";

const CATALOGUE = "docs/spec/catalogue.md";
const specs = files.filter((path) => /^docs\/spec\/.*\.md$/.test(path));

interface Rule {
  readonly id: string;
  readonly place: string;
}

/** `- **LC-12** …` in a specification, `- **A1** …` in the catalogue. */
function rulesOf(path: string): Rule[] {
  return lines(read(path)).flatMap((line, i) => {
    const id = /^\s*[-*] \*\*([A-Z]+-?\d+[a-z]?)\*\*/.exec(line)?.[1];
    return id ? [{ id, place: `${path}:${i + 1}` }] : [];
  });
}

/** `[LC-12]` and `[A1, B11]`, wherever a test's text holds them. */
function citationsIn(text: string): string[] {
  const groups = text.matchAll(/\[((?:[A-Z]{1,5}-\d+[a-z]?|[A-K]\d{1,2})(?:, ?(?:[A-Z]{1,5}-\d+[a-z]?|[A-K]\d{1,2}))*)\]/g);
  return [...groups].flatMap((group) => (group[1] ?? "").split(/, ?/));
}

function citations(): Map<string, string> {
  const found = new Map<string, string>();
  for (const [path, source] of sources) {
    if (!isTest(path) || path.startsWith("test/tidy/") || path === "test/frame/teeth.test.ts") continue;
    walk(source, (node) => {
      const isText =
        isStringLiteral(node) ||
        isNoSubstitutionTemplateLiteral(node) ||
        isTemplateHead(node) ||
        isTemplateMiddle(node) ||
        isTemplateTail(node);
      if (isText) for (const id of citationsIn(node.text)) found.set(id, path);
    });
  }
  return found;
}

const rules = specs.flatMap(rulesOf);
const cited = citations();

test("a rule id stands once", () => {
  const first = new Map<string, string>();
  const faults: string[] = [];
  for (const { id, place } of rules) {
    const other = first.get(id);
    if (other) faults.push(`${place}: ${id} stands already at ${other}; number it anew`);
    else first.set(id, place);
  }
  none(faults);
});

test("every rule of docs/spec is cited by a test", () => {
  const faults = rules.filter(({ id }) => !cited.has(id)).map(({ id, place }) => `${place}: no test name holds [${id}]`);
  none(faults);
});

test("every rule that a test cites exists", () => {
  const known = new Set(rules.map(({ id }) => id));
  const faults = [...cited].filter(([id]) => !known.has(id));
  none(faults.map(([id, path]) => `${path}: [${id}] is in no file of docs/spec${/^[A-K]\d/.test(id) ? ` (add it to ${CATALOGUE})` : ""}`));
});
