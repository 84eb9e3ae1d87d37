/** Documents that stay true: links lead somewhere, decisions stay short, settings and flags are all explained. */
import assert from "node:assert/strict";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import test from "node:test";
import {
  isCallExpression,
  isObjectLiteralExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isStringLiteral,
} from "typescript/unstable/ast/is";
import type { Node } from "typescript/unstable/ast";
import { none } from "./report.ts";
import { exists, files, lines, markdown, read, root, sources, walk } from "./tree.ts";

const ADR_WORDS = 400;
const adrs = markdown.filter((path) => /^docs\/adr\/\d/.test(path));

/** Text outside fenced blocks: what a reader's renderer turns into links and headings. */
function prose(path: string): string[] {
  let fenced = false;
  return lines(read(path)).map((line) => {
    const fence = /^\s*```/.test(line);
    if (fence) fenced = !fenced;
    return fenced || fence ? "" : line.replaceAll(/`[^`]*`/g, "``");
  });
}

const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");

function anchors(path: string): Set<string> {
  const headings = lines(read(path)).flatMap((line) => /^#{1,6} (.*)$/.exec(line)?.[1] ?? []);
  return new Set(headings.map(slug));
}

function broken(path: string, target: string): string | undefined {
  if (/^[a-z]+:/i.test(target)) return undefined;
  const [file = "", anchor] = target.split("#");
  const to = file === "" ? path : posix.normalize(posix.join(posix.dirname(path), file));
  if (!exists(to)) return `${target} leads nowhere`;
  if (anchor && to.endsWith(".md") && !anchors(to).has(anchor)) return `${to} has no heading #${anchor}`;
  return undefined;
}

test("every link of a document leads to a file or heading that exists", () => {
  const faults: string[] = [];
  for (const path of markdown) {
    for (const [i, line] of prose(path).entries()) {
      for (const match of line.matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)/g)) {
        const fault = broken(path, match[1] ?? "");
        if (fault) faults.push(`${path}:${i + 1}: ${fault}`);
      }
    }
  }
  none(faults);
});

test(`a decision record has fewer than ${ADR_WORDS} words, a number of its own and a line in the index`, () => {
  const index = exists("docs/adr/README.md") ? read("docs/adr/README.md") : "";
  const numbers = new Map<string, string>();
  const faults = adrs.flatMap((path) => {
    const name = posix.basename(path);
    const number = name.slice(0, 4);
    const words = read(path).split(/\s+/).filter(Boolean).length;
    const other = numbers.get(number);
    numbers.set(number, path);
    return [
      ...(words < ADR_WORDS ? [] : [`${path}: ${words} words; keep the decision and its why`]),
      ...(/^\d{4}-[a-z0-9-]+\.md$/.test(name) ? [] : [`${path}: name it NNNN-what-was-decided.md`]),
      ...(other ? [`${path}: its number is taken by ${other}`] : []),
      ...(index.includes(`(${name})`) ? [] : [`${path}: add it to docs/adr/README.md`]),
    ];
  });
  none(faults);
});

interface Setting {
  readonly name: string;
}

test("every setting is explained in docs/settings.md", async () => {
  const file = files.find((path) => /^src\/.*\.ts$/.test(path) && /^export const SETTINGS\b/m.test(read(path)));
  assert.ok(file, "no file of src exports SETTINGS");
  const { SETTINGS } = (await import(pathToFileURL(join(root, file)).href)) as { SETTINGS: readonly Setting[] };
  const text = exists("docs/settings.md") ? read("docs/settings.md") : "";
  none(SETTINGS.filter(({ name }) => !text.includes(`\`${name}\``)).map(({ name }) => `docs/settings.md: explain \`${name}\` (${file})`));
});

/** What the code declares by a call: `.option("--json …")`, `.command("head")`. */
function declared(method: RegExp): { text: string; path: string }[] {
  const found: { text: string; path: string }[] = [];
  for (const [path, source] of sources) {
    if (!path.startsWith("src/cli/") || path.endsWith(".test.ts")) continue;
    walk(source, (node) => {
      if (!isCallExpression(node) || !isPropertyAccessExpression(node.expression)) return;
      const [first] = node.arguments;
      if (first && isStringLiteral(first) && method.test(node.expression.name.text)) found.push({ text: first.text, path });
    });
  }
  return found;
}

test("every flag of the command line is explained in docs/cli.md, and no other", () => {
  const flags = declared(/^(?:option|requiredOption|addOption)$/).flatMap(({ text, path }) =>
    (text.match(/--[a-z][a-z-]*/g) ?? []).map((flag) => ({ flag, path })),
  );
  assert.ok(flags.length > 0, "src/cli declares no flag");
  const text = exists("docs/cli.md") ? read("docs/cli.md") : "";
  const explained = new Set(text.match(/--[a-z][a-z-]*/g));
  const known = new Set(["--help", "--version", ...flags.map(({ flag }) => flag)]);
  none([
    ...flags.filter(({ flag }) => !explained.has(flag)).map(({ flag, path }) => `docs/cli.md: explain ${flag} (${path})`),
    ...[...explained].filter((flag) => !known.has(flag)).map((flag) => `docs/cli.md: there is no ${flag}`),
  ]);
});

/** `{ name: "show", …, load: … }` in the table of commands. */
function entryName(node: Node): string | undefined {
  if (!isObjectLiteralExpression(node)) return undefined;
  const of = (name: string): Node | undefined =>
    node.properties.filter(isPropertyAssignment).find((p) => p.name.getText() === name)?.initializer;
  const name = of("name");
  return name && isStringLiteral(name) && of("load") ? name.text : undefined;
}

function commands(): { command: string; path: string }[] {
  const path = "src/cli/program.ts";
  const found: { command: string; path: string }[] = [];
  const table = sources.get(path);
  if (table) {
    walk(table, (node) => {
      const name = entryName(node);
      if (name !== undefined) found.push({ command: name, path });
    });
  }
  const below = declared(/^command$/).filter(({ path: file }) => posix.dirname(file) === "src/cli/commands");
  return [
    ...found,
    ...below.map(({ text, path: file }) => ({ command: `${posix.basename(file, ".ts")} ${text.split(" ", 1)[0]}`, path: file })),
  ];
}

test("every command and subcommand is explained in docs/cli.md, and no other", () => {
  const known = commands();
  assert.ok(known.length > 0, "src/cli declares no command");
  const text = exists("docs/cli.md") ? read("docs/cli.md") : "";
  const named = [...text.matchAll(/\bpawl ([a-z][a-z-]*)(?=[ `\n])/g)].map((match) => match[1] ?? "");
  none([
    ...known
      .filter(({ command }) => !new RegExp(`\`(?:pawl )?${command}(?![\\w-])`).test(text))
      .map(({ command, path }) => `docs/cli.md: explain \`pawl ${command}\` (${path})`),
    ...[...new Set(named)]
      .filter((name) => !known.some(({ command }) => command === name))
      .map((name) => `docs/cli.md: there is no \`pawl ${name}\``),
  ]);
});
