import { sortedSet } from "../../core/base/index.ts";
import type { Effect, Statement, StepAnalysis } from "../../core/plan/index.ts";
import { dependencyReport, dependencyText } from "./dependencies/index.ts";
import { clip, resourceOf, textOf } from "./effects.ts";
import { readPatch } from "./patch.ts";
import type { GitPayload } from "./payload.ts";
import type { Secrets } from "./redact.ts";
import type { GitInput, GitRepository, TreeChange } from "./types.ts";
import { surfacesOf } from "./surfaces.ts";

export interface StatementsInput {
  readonly input: GitInput;
  readonly payload: GitPayload;
  readonly repository: GitRepository;
  readonly changes: readonly TreeChange[];
  readonly effects: readonly Effect[];
  readonly secrets: Secrets;
}

export type Statements = Pick<StepAnalysis, "impact" | "evidence" | "unverified" | "assumptions">;

const SOURCE = "git";
const derived = (topic: string, text: string, resource?: string): Statement => ({
  topic,
  text,
  provenance: "derived",
  source: SOURCE,
  ...(resource !== undefined && { resource }),
});
const unknown = (topic: string, text: string, resource?: string): Statement => ({
  topic,
  text,
  provenance: "unknown",
  source: SOURCE,
  ...(resource !== undefined && { resource }),
});
const claimed = (topic: string, text: string): Statement => ({ topic, text, provenance: "claimed", source: "proposer" });

/** What the change means beyond its files, how that is known, and what nobody looked at. Pure. */
export function statementsOf(input: StatementsInput): Statements {
  const packages = packageStatements(input);
  return {
    impact: [derived("size", sizeText(input.effects)), ...surfaceStatements(input.effects), ...packages.known],
    evidence: [...commitStatements(input), ...testStatements(input.changes).known],
    unverified: [
      ...testStatements(input.changes).unknown,
      ...packages.unknown,
      ...unscanned(input),
      unknown("consequence", `What runs when ${input.payload.branch} moves, such as a build or a deployment`),
    ],
    assumptions: [...checkStatements(input.repository)],
  };
}

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? "" : "s"}`;

function sizeText(effects: readonly Effect[]): string {
  const count = (kind: Effect["kind"]): number => effects.filter((effect) => effect.kind === kind).length;
  const lines = effects.reduce(
    (sum, { detail }) => (detail.kind === "diff" ? { added: sum.added + detail.added, removed: sum.removed + detail.removed } : sum),
    { added: 0, removed: 0 },
  );
  const kinds = (["delete", "replace", "update", "create"] as const)
    .filter((kind) => count(kind) > 0)
    .map((kind) => `${count(kind)} ${kind}`);
  const hidden = effects.filter(({ detail }) => detail.kind === "uninspectable").length;
  const unseen = hidden === 0 ? "" : `; ${counted(hidden, "path")} cannot be shown`;
  return `${counted(effects.length, "path")}: ${kinds.join(", ")}; ${counted(lines.added, "line")} added, ${lines.removed} removed${unseen}`;
}

function surfaceStatements(effects: readonly Effect[]): readonly Statement[] {
  const surfaces = sortedSet(effects.flatMap((effect) => effect.surfaces));
  return surfaces.map((surface) =>
    derived(
      `surface.${surface}`,
      `touches ${surface} in ${counted(effects.filter((effect) => effect.surfaces.includes(surface)).length, "path")}`,
    ),
  );
}

const PACKAGES_SHOWN = 40;
/** Tagged as dependencies, but of other repositories rather than of packages. */
const listsPackages = (path: string): boolean => surfacesOf(path).includes("dependencies") && !path.endsWith(".gitmodules");

function packageStatements({ changes, repository, secrets }: StatementsInput): {
  readonly known: readonly Statement[];
  readonly unknown: readonly Statement[];
} {
  const known: Statement[] = [];
  const open: Statement[] = [];
  for (const change of changes) {
    const [before, after] = [textOf(change.before), textOf(change.after)];
    const resource = resourceOf(repository.name, change.path);
    const uninspected = (change.before !== undefined && before === undefined) || (change.after !== undefined && after === undefined);
    const report = dependencyReport(change.path, before, after);
    if (report === undefined) {
      if (listsPackages(change.path))
        open.push(unknown("dependencies", "Which packages change: files of this kind are not read", resource));
      continue;
    }
    if (report.kind === "unread" || uninspected || secrets.has(change)) {
      open.push(unknown("dependencies", "Which packages change: the file could not be read or may not be shown", resource));
      continue;
    }
    for (const one of report.changes.slice(0, PACKAGES_SHOWN))
      known.push(derived("dependencies", clip(dependencyText(one), 400), resource));
    const more = report.changes.length - PACKAGES_SHOWN;
    if (more > 0) known.push(derived("dependencies", `and ${more} more packages`, resource));
  }
  return { known, unknown: open };
}

/** The words that go into the commit, and those around a patch, are the proposer's. */
function commitStatements({ input, payload }: StatementsInput): readonly Statement[] {
  const words = input.from === "patch" ? readPatch(input.patch).words : "";
  return [
    derived("commit.author", `The commit names ${payload.author.name} <${payload.author.email}> as its author`),
    claimed("commit.message", payload.message.trim()),
    ...(words === "" ? [] : [claimed("patch.words", clip(words, 4_000))]),
  ];
}

const TEST = /(^|\/)(tests?|specs?|__tests__|e2e|testdata|cypress)\/|(^|\/)(test_[^/]*|[^/]*_test|[^/]*[._-](test|spec|e2e))\.[^/]+$/i;
const CODE =
  /\.(c|cc|clj|cpp|cs|dart|erl|ex|exs|go|h|hpp|hs|java|jl|js|jsx|kt|lua|m|mjs|cjs|ml|mts|cts|php|pl|py|r|rb|rs|scala|sh|sql|svelte|swift|ts|tsx|vue|zig)$/i;

function testStatements(changes: readonly TreeChange[]): { readonly known: readonly Statement[]; readonly unknown: readonly Statement[] } {
  const tests = changes.filter(({ path }) => TEST.test(path));
  const code = changes.filter(({ path }) => CODE.test(path) && !TEST.test(path));
  const removed = tests.filter(({ after }) => after === undefined).length;
  const known =
    tests.length === 0
      ? []
      : [
          derived(
            "tests.changed",
            `${tests.length} test files change beside ${code.length} code files${removed === 0 ? "" : `; ${removed} of them are removed`}`,
          ),
        ];
  const open =
    code.length > 0 && tests.length === 0
      ? [unknown("tests.changed", `Whether the change to ${counted(code.length, "code file")} is tested: no test changes with it`)]
      : [];
  return { known, unknown: open };
}

function unscanned({ changes, repository }: StatementsInput): readonly Statement[] {
  return changes
    .filter(({ after }) => after !== undefined && after.mode !== "160000" && textOf(after) === undefined)
    .map(({ path }) =>
      unknown("secrets", "Whether it holds secrets or deceptive text: it was not scanned", resourceOf(repository.name, path)),
    );
}

function checkStatements(repository: GitRepository): readonly Statement[] {
  if (repository.verify === undefined) return [];
  return [
    derived(
      "check",
      `After it is applied, ${clip(repository.verify.argv.join(" "), 1_000)} must succeed on the result, or the change is taken back`,
    ),
  ];
}
