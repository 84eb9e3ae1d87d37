import { setImmediate } from "node:timers/promises";
import { rules } from "@secretlint/secretlint-rule-preset-recommend";

/** Where a secret stands. Never what it is: the value stays in the text that was scanned. */
export interface SecretHit {
  readonly rule: string;
  readonly line: number;
  readonly lastLine: number;
  readonly start: number;
  readonly end: number;
}

/**
 * secretlint's rules, run by ourselves: its own runner keeps a trace of every run for ever, puts values into messages and obeys
 * comments that switch it off. A text is read in windows, because a rule's cost may grow with the square of the text.
 */
const RULES = rules.filter((rule) => rule.meta.type === "scanner" && !rule.meta.id.endsWith("-filter-comments"));
const WINDOW = 64 * 1024;
/** Longer than any key of many lines. */
const OVERLAP = 16 * 1024;

export async function findSecrets(text: string, path: string): Promise<readonly SecretHit[]> {
  const found = new Map<string, SecretHit>();
  for (let from = 0; ; from += WINDOW - OVERLAP) {
    for (const hit of await scanWindow(text.slice(from, from + WINDOW), path)) {
      const at = { rule: hit.rule, line: 0, lastLine: 0, start: from + hit.start, end: from + hit.end };
      found.set(`${at.rule} ${at.start}`, at);
    }
    if (from + WINDOW >= text.length) break;
    // A long text does not keep everybody else waiting.
    await setImmediate();
  }
  const hits = [...found.values()].toSorted((a, b) => a.start - b.start || (a.rule < b.rule ? -1 : 1));
  return withLines(text, hits);
}

async function scanWindow(content: string, path: string): Promise<readonly Omit<SecretHit, "line" | "lastLine">[]> {
  const hits: Omit<SecretHit, "line" | "lastLine">[] = [];
  const source = sourceCode(content, path);
  for (const rule of RULES) {
    const name = rule.meta.id.replace("@secretlint/secretlint-rule-", "");
    const context = {
      sharedOptions: {},
      createTranslator: () => (messageId: string) => ({ message: "", messageId }),
      report: (found: { readonly message: { readonly messageId: string }; readonly range: readonly [number, number] }) => {
        hits.push({ rule: `${name}/${found.message.messageId}`, start: found.range[0], end: found.range[1] });
      },
      ignore: () => {},
    };
    await rule.create(context as unknown as Parameters<typeof rule.create>[0], {} as Parameters<typeof rule.create>[1]).file?.(source);
  }
  return hits;
}

function sourceCode(content: string, path: string): Parameters<NonNullable<ReturnType<(typeof rules)[number]["create"]>["file"]>>[0] {
  const unused = (): never => {
    throw new Error("invariant broken: no rule that runs here asks for this");
  };
  return {
    hasBOM: false,
    content,
    filePath: path,
    physicalFilePath: undefined,
    contentType: "text",
    ext: /\.[^./]+$/.exec(path)?.[0] ?? "",
    getFilePath: () => path,
    getPhysicalFilePath: () => undefined,
    locationToRange: unused,
    rangeToLocation: unused,
    positionToIndex: unused,
    indexToPosition: (index: number) => ({
      line: content.slice(0, index).split("\n").length,
      column: index - content.lastIndexOf("\n", index - 1) - 1,
    }),
  };
}

function withLines(text: string, hits: readonly SecretHit[]): readonly SecretHit[] {
  let line = 1;
  let at = 0;
  return hits.map((hit) => {
    for (let next = text.indexOf("\n", at); next >= 0 && next < hit.start; next = text.indexOf("\n", at)) {
      line += 1;
      at = next + 1;
    }
    return { ...hit, line, lastLine: line + text.slice(hit.start, hit.end).split("\n").length - 1 };
  });
}
