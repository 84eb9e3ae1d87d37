/** What a mutation run says, per module of the core and mutant by mutant. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import type { MutantResult } from "@stryker-mutator/api/core";

export interface Score {
  readonly module: string;
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  readonly survived: number;
  readonly unreached: number;
  readonly sentences: number;
  readonly errors: number;
  readonly score: number;
}

export interface Survivor {
  readonly where: string;
  /** What `--again` mutates: the file and from where to where in it. */
  readonly range: string;
  readonly mutator: string;
  readonly status: string;
  readonly original: string;
  readonly replacement: string;
}

const moduleOf = (file: string): string => relative("src/core", file).split("/")[0] ?? "";
const LIMIT = 120;

function score(module: string, of: readonly MutantResult[]): Score {
  const count = (status: string): number => of.filter((mutant) => mutant.status === status).length;
  const [killed, timedOut, survived, unreached] = [count("Killed"), count("Timeout"), count("Survived"), count("NoCoverage")];
  const mutants = killed + timedOut + survived + unreached;
  return {
    module,
    mutants,
    killed,
    timedOut,
    survived,
    unreached,
    sentences: count("Ignored"),
    errors: count("RuntimeError"),
    score: mutants === 0 ? 100 : Math.round((10_000 * (killed + timedOut)) / mutants) / 100,
  };
}

/** Per module by name, and for all together. */
export function scores(results: readonly MutantResult[]): Score[] {
  const byModule = Map.groupBy(results, ({ fileName }) => moduleOf(fileName));
  const rows = [...byModule].map(([module, of]) => score(module, of)).toSorted((a, b) => a.module.localeCompare(b.module));
  return [...rows, score("all", results)];
}

export function survivors(results: readonly MutantResult[]): Survivor[] {
  const sources = new Map<string, string[]>();
  const lines = (file: string): string[] => {
    const found = sources.get(file) ?? readFileSync(file, "utf8").split("\n");
    sources.set(file, found);
    return found;
  };
  return results
    .filter(({ status }) => status === "Survived" || status === "NoCoverage")
    .toSorted((a, b) => a.fileName.localeCompare(b.fileName) || a.location.start.line - b.location.start.line)
    .map(({ fileName, location, mutatorName, replacement, status }) => ({
      where: `${relative(".", fileName)}:${location.start.line}`,
      range: `${relative(".", fileName)}:${[location.start, location.end].map(({ line, column }) => `${line}:${column - 1}`).join("-")}`,
      mutator: mutatorName,
      status,
      original: short(cut(lines(fileName), location)),
      replacement: short(replacement ?? ""),
    }));
}

type Location = MutantResult["location"];

/** Lines and columns as Stryker reports them, from one. */
function cut(lines: readonly string[], { start, end }: Location): string {
  const part = lines.slice(start.line - 1, end.line);
  const last = part.length - 1;
  return part.map((line, i) => line.slice(i === 0 ? start.column - 1 : 0, i === last ? end.column - 1 : undefined)).join(" ");
}

function short(code: string): string {
  const one = code.replace(/\s+/g, " ").trim();
  return one.length > LIMIT ? `${one.slice(0, LIMIT)} …` : one;
}

const HEAD = ["module", "mutants", "killed", "timed out", "survived", "unreached", "score %", "sentences left out", "errors"];
const cells = (row: Score): string[] =>
  [row.module, row.mutants, row.killed, row.timedOut, row.survived, row.unreached, row.score.toFixed(2), row.sentences, row.errors].map(
    String,
  );

export function table(rows: readonly Score[]): string {
  const all = [HEAD, ...rows.map(cells)];
  const width = HEAD.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  return all
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(width[i] ?? 0) : cell.padStart(width[i] ?? 0))).join("  "))
    .join("\n");
}

const code = (source: string): string => `\`${source.replaceAll("|", "\\|").replaceAll("`", "ˋ")}\``;

export function markdown(rows: readonly Score[], left: readonly Survivor[]): string {
  const scored = [HEAD, HEAD.map(() => "---"), ...rows.map(cells)].map((row) => `| ${row.join(" | ")} |`);
  const lines = left.map(
    ({ where, mutator, original, replacement }) => `| ${where} | ${mutator} | ${code(original)} | ${code(replacement)} |`,
  );
  return [...scored, "", "| where | mutator | code | mutant that survived |", "| --- | --- | --- | --- |", ...lines, ""].join("\n");
}
