/** The table of facts in docs/policy.md. `node test/policy/facts-table.ts` writes it anew from the code. */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { stringify } from "yaml";
import { CASE_BASE, FACTS, STEP_FACT, cel } from "../../src/core/policy/index.ts";

const GUIDE = resolve(import.meta.dirname, "../../docs/policy.md");
const marks = (name: string): readonly [string, string] => [
  `<!-- ${name}: written by test/policy/facts-table.ts -->\n`,
  `<!-- end of ${name} -->`,
];

export function factsTable(): string {
  return Object.entries({ ...FACTS.fields, ...STEP_FACT })
    .map(([name, { type, doc }]) => section(name, type, doc))
    .join("\n");
}

function section(name: string, type: cel.CelType, doc: string): string {
  const list = type.kind === "list";
  const of = list ? type.of : type;
  const rows = of.kind === "message" ? Object.entries(of.fields).map(([field, found]) => row(field, found)) : [];
  return `**\`${name}${list ? "[]" : ""}\`**: ${doc}\n\n| fact | type | |\n|---|---|---|\n${rows.join("")}`;
}

const row = (name: string, { type, optional, doc }: cel.Field): string =>
  `| \`${name}\` | \`${cel.nameOf(type)}\`${optional ? ", optional" : ""} | ${doc} |\n`;

/** The guide as it should be, and as it is. */
export function guide(): { readonly wanted: string; readonly found: string } {
  const found = readFileSync(GUIDE, "utf8");
  const base = `\`\`\`yaml\n${stringify(CASE_BASE)}\`\`\``;
  return { found, wanted: filled(filled(found, "facts", factsTable()), "base", base) };
}

function filled(text: string, name: string, content: string): string {
  const [begin, end] = marks(name);
  const [before = "", rest = ""] = text.split(begin);
  return `${before}${begin}\n${content}\n${end}${rest.split(end)[1] ?? ""}`;
}

if (import.meta.main) writeFileSync(GUIDE, guide().wanted);
