/** Who may import whom. A folder that is not in the table has no place yet: give it one, here and in ARCHITECTURE.md. */
import { posix } from "node:path";
import test from "node:test";
import type { Node, SourceFile } from "typescript/unstable/ast";
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isStringLiteral,
} from "typescript/unstable/ast/is";
import { none } from "./report.ts";
import { at, isTest, sources, walk } from "./tree.ts";

const PORTS = "control/ports.ts";
const TYPES = "control/types.ts";
const inbound = ["core", "control"];
const outbound = ["core", PORTS, TYPES];

/** Folder of src → the folders and files of src that it may import, besides its own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  control: ["core"],
  api: inbound,
  cli: [...inbound, "main.ts", "on-disk.ts", "wiring.ts", "runner-process.ts", "demo/index.ts", "witness/index.ts"],
  demo: [...inbound, "cli/settings.ts", "main.ts", "on-disk.ts", "sample-repository.ts"],
  gateway: inbound,
  insights: inbound,
  store: outbound,
  runner: outbound,
  connectors: outbound,
  identity: outbound,
  channels: outbound,
  witness: outbound,
};
/** The modules of the core from the ground up: each knows only those before it, so that none has to be understood together with another. */
const CORE_MODULES = [
  "base",
  "yaml",
  "ledger",
  "plan",
  "target",
  "operation",
  "policy",
  "review",
  "change",
  "grant",
  "runner",
  "presentation",
  "evidence",
];
/** Third-party packages that the pure core may use: each is pure itself. */
const CORE_PACKAGES = ["canonicalize", "yaml", "@marcbachmann/cel-js", "re2js"];
const CORE_PLATFORM = new Map([["src/core/base/hash.ts", ["node:crypto"]]]);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly place: string;
}

function specifier(node: Node): string | undefined {
  if (isImportDeclaration(node) || isExportDeclaration(node)) {
    return node.moduleSpecifier && isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : undefined;
  }
  if (isImportTypeNode(node)) {
    return isLiteralTypeNode(node.argument) && isStringLiteral(node.argument.literal) ? node.argument.literal.text : undefined;
  }
  if (isCallExpression(node) && node.expression.getText() === "import") {
    const [argument] = node.arguments;
    return argument && isStringLiteral(argument) ? argument.text : undefined;
  }
  return undefined;
}

function importsOf(path: string, source: SourceFile): Import[] {
  const found: Import[] = [];
  walk(source, (node) => {
    const text = specifier(node);
    if (text === undefined) return;
    const to = text.startsWith(".") ? posix.join(posix.dirname(path), text) : text;
    found.push({ from: path, to, place: at(path, source, node) });
  });
  return found;
}

const imports = [...sources].flatMap(([path, source]) => importsOf(path, source));
const folderOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1];
const moduleOf = (path: string): string | undefined => /^src\/core\/([^/]+)\//.exec(path)?.[1];

function direction({ from, to, place }: Import): string[] {
  const folder = folderOf(from);
  if (!folder || isTest(from) || !to.startsWith("src/")) return [];
  const may = MAY_IMPORT[folder];
  if (!may) return [`${place}: src/${folder} has no place in the table of test/tidy/imports.test.ts`];
  const inside = [folder, ...may].some((allowed) => to === `src/${allowed}` || to.startsWith(`src/${allowed}/`));
  if (inside || (to.startsWith("src/testing/") && isTest(from))) return [];
  return [`${place}: src/${folder} may not import ${to}; ask for it through ${PORTS} and let src/main.ts wire it`];
}

test("imports point inwards: edge to control to core, and edges meet only in src/main.ts", () => {
  none(imports.flatMap(direction));
});

test("nothing but tests imports src/testing", () => {
  const faults = imports.filter(({ from, to }) => to.startsWith("src/testing/") && !isTest(from) && !from.startsWith("bench/"));
  none(faults.map(({ place }) => `${place}: take the real thing, or move the import to a test`));
});

test("only src/main.ts imports src/main.ts's parts together; nothing imports src/main.ts but the command line and tests", () => {
  const faults = imports.filter(({ from, to }) => to === "src/main.ts" && !isTest(from) && !["demo", "cli"].includes(folderOf(from) ?? ""));
  none(faults.map(({ place }) => `${place}: what is wired in src/main.ts is passed in, not fetched`));
});

test("a core module is entered by its door, index.ts", () => {
  const faults = imports.filter(({ from, to }) => {
    const target = moduleOf(to);
    return target !== undefined && target !== moduleOf(from) && to !== `src/core/${target}/index.ts`;
  });
  none(faults.map(({ to, place }) => `${place}: import src/core/${moduleOf(to)}/index.ts instead of ${to}`));
});

test("a core module imports only modules that come before it", () => {
  const faults = imports.filter(({ from, to }) => {
    const [user, used] = [moduleOf(from), moduleOf(to)];
    if (user === undefined || used === undefined || user === used || isTest(from)) return false;
    return !CORE_MODULES.includes(user) || CORE_MODULES.indexOf(used) >= CORE_MODULES.indexOf(user);
  });
  none(faults.map(({ to, place }) => `${place}: ${to} does not come before it in CORE_MODULES; move down what both need`));
});

test("the core stands on nothing but itself and a few pure packages", () => {
  const faults = imports.filter(({ from, to }) => {
    if (!from.startsWith("src/core/") || isTest(from) || to.startsWith("src/core/")) return false;
    return !CORE_PACKAGES.includes(to) && !(CORE_PLATFORM.get(from) ?? []).includes(to);
  });
  none(faults.map(({ to, place }) => `${place}: the core may not import ${to}; take its result as an argument`));
});
