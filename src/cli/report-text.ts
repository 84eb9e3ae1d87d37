/** A report as an auditor reads it, in Markdown. */
import { visible } from "../core/base/index.ts";
import type { ChangeReport, Exception, ReportRow } from "../core/evidence/index.ts";
import { plural } from "./words.ts";

const WORDS: Readonly<Record<Exception, string>> = {
  unreadable: "entries that do not follow from each other",
  break_glass: "emergency route (break-glass)",
  indeterminate: "outcome was unknown",
  reconciled: "a person said how it ended",
  undone: "undone after it was applied",
  failed: "failed before any effect",
  not_independent: "no independent approval",
  auto: "accepted by a rule, without a person",
  stale: "the state had moved; planned again or given up",
  stopped: "stopped by a person while it ran",
};

/** Text of others keeps its line and its cell. */
const cell = (text: string): string => visible(text).replaceAll(/[\\`*_[\]<>|]/g, String.raw`\$&`);
const short = (digest: string): string => `\`${digest.slice(0, "sha256:".length + 12)}…\``;
const when = (iso: string | null): string => (iso === null ? "—" : `${iso.slice(0, 16).replace("T", " ")}Z`);

export function reportMarkdown(report: ChangeReport): string {
  const { range, changes, sample, counts, origin } = report;
  const exceptions = changes.filter((row) => row.exceptions.length > 0);
  const ordinary = changes.filter((row) => row.exceptions.length === 0);
  const titles = new Map(Object.entries(report.told.titles));
  const rows = (list: readonly ReportRow[]): string[] =>
    list.length === 0 ? ["None."] : [...HEAD, ...list.map((row) => line(row, titles.get(row.change)))];
  return [
    `# Changes of ${cell(origin)}`,
    "",
    `From ${when(report.from)} until ${when(report.to)}: ${plural(changes.length, "change")}, ${exceptions.length} with an exception.`,
    "",
    "## Exceptions",
    "",
    ...(exceptions.length === 0
      ? ["None."]
      : exceptions.flatMap((row) => [
          `- \`${row.change}\` ${cell(titles.get(row.change) ?? "")}: ${row.exceptions.map((each) => WORDS[each]).join("; ")}`,
        ])),
    "",
    ...(exceptions.length === 0 ? [] : [...rows(exceptions), ""]),
    "## All others",
    "",
    ...rows(ordinary),
    "",
    "## That nothing is missing",
    "",
    `Every change with an entry among the ledger's entries ${range.from} to ${range.to - 1} is listed. Roots at both ends, in hexadecimal:`,
    "",
    `- size ${range.from}: \`${range.root_from}\``,
    `- size ${range.to}: \`${range.root_to}\``,
    "",
    "The signed head that begins with them:",
    "",
    "```text",
    report.head.checkpoint.trimEnd(),
    "```",
    "",
    "Whoever has the entries recomputes all of this: make the report with `--format json`, then `pawl verify REPORT --entries FILE`. Titles are",
    "told by Pawl and shown by no entry; a change's evidence bundle shows them.",
    "",
    "| kind of entry | in the range |",
    "|---|---|",
    ...Object.entries(counts).map(([kind, n]) => `| ${cell(kind)} | ${n} |`),
    "",
    "## Sample",
    "",
    `${plural(sample.changes.length, "change")} drawn by the seed \`${cell(sample.seed)}\`: those whose SHA-256 of seed, newline and id is lowest.`,
    "",
    ...sample.changes.map((change) => `- \`${change}\``),
    "",
  ].join("\n");
}

const HEAD = [
  "| change | request | risk | test and evidence | independent approval | deployment | outcome |",
  "|---|---|---|---|---|---|---|",
];

function line(row: ReportRow, title: string | undefined): string {
  const { change, request, risk, evidence, approvals, deployment, outcome, authorised_at: authorised } = row;
  const cells = [
    `\`${change}\``,
    request === null
      ? ""
      : `${title === undefined ? "" : `${cell(title)}; `}${cell(request.proposer)} for ${cell(request.on_behalf_of)}, ${when(request.at)}`,
    risk === null ? "never judged" : `${risk.outcome}; plan ${short(risk.plan)}`,
    evidence.length === 0 ? "none" : evidence.map(short).join(" "),
    approvals.length === 0
      ? authorised === null
        ? "—"
        : `by rule, ${when(authorised)}`
      : approvals.map(({ person, seat, at }) => `${cell(person)} (${cell(seat)}) ${when(at)}`).join("; "),
    deployment === null ? "—" : `${when(deployment.started_at)} by ${cell(deployment.runner)}`,
    outcome,
  ];
  return `| ${cells.join(" | ")} |`;
}
