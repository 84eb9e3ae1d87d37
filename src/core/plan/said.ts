import { hiddenCharacters } from "../base/index.ts";
import type { Finding, Proposal } from "./types.ts";

const MOST_NAMED = 5;

/** Findings about the author's words as such: what a reader of some channel would not get to see of them. */
export function wordFindings({ title, summary, claims }: Proposal): readonly Finding[] {
  const texts: readonly (readonly [string, string])[] = [
    ["title", title],
    ["summary", summary],
    ...claims.map((claim): readonly [string, string] => ["claim", claim]),
  ];
  return texts.flatMap(([part, text]) => [...hidden(part, text), ...comment(part, text)]);
}

function hidden(part: string, text: string): readonly Finding[] {
  const found = hiddenCharacters(text);
  if (found.length === 0) return [];
  const named = found.slice(0, MOST_NAMED).map(({ codePoint, name, line, column }) => `${codePoint} ${name} at ${line}:${column}`);
  const more = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : "";
  return [
    warning("text.hidden_characters", `The ${part} holds characters that are not seen: ${named.join(", ")}${more}`, "send it without them"),
  ];
}

function comment(part: string, text: string): readonly Finding[] {
  if (!text.includes("<!--")) return [];
  return [
    warning("text.html_comment", `The ${part} holds an HTML comment, which many tools do not show`, "say it openly, or leave it out"),
  ];
}

const warning = (code: string, message: string, remedy: string): Finding => ({
  code,
  severity: "warning",
  message,
  remedy,
  provenance: "derived",
});
