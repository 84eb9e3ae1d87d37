import { allowsAlone } from "./declare.ts";
import { clip } from "./words.ts";
import { sortedSet, visible } from "../../core/base/index.ts";
import type { Finding, Statement } from "../../core/plan/index.ts";
import { resourceOf } from "./effects.ts";
import { partsOf } from "./names.ts";
import { namedIn } from "./plan.ts";
import type { Planned } from "./plan.ts";
import { lockName, strongest } from "./postgres-kinds.ts";
import { countsOf } from "./rows.ts";
import type { SquawkFinding } from "./squawk.ts";
import type { SqlDatabase, SqlInput } from "./types.ts";

interface Looked {
  readonly database: SqlDatabase;
  readonly input: SqlInput;
  readonly planned: Planned;
  /** Absent where squawk did not run. */
  readonly squawk?: readonly SquawkFinding[];
}

type Raw = readonly [code: string, severity: Finding["severity"], message: string, remedy: string, object?: string | undefined];

export function findingsOf(looked: Looked): readonly Finding[] {
  const raw = [...refusals(looked), ...rowFindings(looked), ...schemaFindings(looked), ...textFindings(looked), ...squawkFindings(looked)];
  return raw.map(([code, severity, message, remedy, object]) => ({
    code: `sql.${code}`,
    severity,
    message,
    remedy,
    provenance: code === "dynamic" ? ("unknown" as const) : ("derived" as const),
    ...(object !== undefined && { resource: resourceOf(looked.database.name, object) }),
  }));
}

function refusals({ database, input, planned }: Looked): readonly Raw[] {
  const found: Raw[] = planned.statements.flatMap(({ refusal }): readonly Raw[] =>
    refusal === undefined
      ? []
      : [["refused", "refused", refusal, "leave it out: Pawl begins and ends the transaction, and sets what has to be set"]],
  );
  const allowed = database.kind === "sqlite" ? ["main"] : (database.schemas ?? ["public"]);
  for (const object of namedIn(planned.statements)) {
    const [schema = ""] = partsOf(object);
    if (partsOf(object).length > 1 && !allowed.includes(schema))
      found.push([
        "schema_not_allowed",
        "refused",
        `the schema ${schema} may not be named`,
        `name tables of ${allowed.join(", ")}`,
        object,
      ]);
  }
  const affected = planned.change?.results
    .filter((_, i) => planned.statements[i]?.kind !== "read")
    .reduce((sum, { rows }) => sum + rows, 0);
  if (input.expectRows !== undefined && affected !== undefined && affected !== input.expectRows)
    found.push([
      "rows_differ",
      "refused",
      `${affected} rows are affected, and ${input.expectRows} were expected`,
      "name the rows that are meant",
    ]);
  for (const { alone, label, text } of planned.statements)
    if (alone && !allowsAlone(database, text))
      found.push([
        "alone",
        "refused",
        `${label} runs outside of a transaction, where it cannot be taken back`,
        "have the operator allow it, or write it so that a transaction can hold it",
      ]);
    else if (alone)
      found.push(["alone", "warning", `${label} runs outside of a transaction: a fault leaves half of it`, "look at the result"]);
  return found;
}

function rowFindings({ planned }: Looked): readonly Raw[] {
  const found: Raw[] = planned.statements
    .filter(({ noWhere }) => noWhere)
    .map(({ label, writes }) => [
      "no_where",
      "danger",
      `${label} has no condition: it holds for every row`,
      "say in a WHERE clause which rows are meant",
      writes[0]?.table,
    ]);
  for (const table of planned.change?.tables ?? []) {
    const { updated, deleted } = countsOf(table);
    if (table.rowsBefore > 1 && updated + deleted >= table.rowsBefore)
      found.push([
        "every_row",
        "danger",
        `every one of the ${table.rowsBefore} rows changes`,
        "see that all of them are meant",
        table.table,
      ]);
    if (table.key.length === 0)
      found.push([
        "no_primary_key",
        "warning",
        "has no primary key: its rows cannot be told apart, so they cannot be put back",
        "give it one",
        table.table,
      ]);
  }
  for (const [n, { moments, label, writes }] of planned.statements.entries())
    if (moments.length > 0)
      found.push([
        "depends_on_moment",
        "danger",
        `${label} (statement ${n + 1}) does what the moment or chance decides (${clip(sortedSet(moments).join(", "), 200)}): what was shown may not be what it does later`,
        "write the moment or the value that is meant into it",
        writes[0]?.table,
      ]);
  for (const name of planned.volatile)
    found.push([
      "volatile",
      "info",
      `${name} gets another value each time: what it becomes is not part of what is approved`,
      "give the value, where it matters",
      name.startsWith("result.") ? undefined : name,
    ]);
  return found;
}

function schemaFindings({ planned }: Looked): readonly Raw[] {
  const found: Raw[] = [];
  for (const statement of planned.statements) {
    for (const { object, what, destroys, privilege, lock, rewrites, verb } of statement.ddl) {
      if (destroys === true)
        found.push(["destroys", "danger", `${what}: what is in it is lost`, "see that nobody needs it any more", object]);
      if (privilege !== undefined) found.push(["privilege", "danger", what, "see that those who gain or lose rights are meant", object]);
      const held = strongest(planned.change?.locks[object] ?? (lock === undefined ? [] : [lock]));
      if (held !== undefined && verb !== "create" && held !== "RowExclusiveLock" && held !== "AccessShareLock")
        found.push([
          "lock",
          held === "AccessExclusiveLock" ? "warning" : "info",
          `${statement.label} takes ${lockName(held)} on it: ${blocks(held)}`,
          "run it when few use the table",
          object,
        ]);
      const rewritten =
        planned.change === undefined
          ? rewrites === true
          : planned.change.rewritten.includes(object) && statement.kind === "ddl" && verb !== "drop";
      if (rewritten)
        found.push([
          "rewrite",
          "danger",
          `${statement.label} writes the whole table anew under its lock`,
          "find a form that does not, or run it when nobody uses the table",
          object,
        ]);
    }
    for (const what of [...statement.dynamic, ...planned.strangers.filter((name) => statement.functions.includes(name))])
      found.push(["dynamic", "danger", `what ${what} does cannot be known beforehand`, "write the statements out"]);
  }
  return found;
}

const blocks = (mode: string): string => {
  if (mode === "AccessExclusiveLock") return "nobody reads or writes it meanwhile";
  return mode === "ShareUpdateExclusiveLock" || mode === "RowShareLock" ? "others read and write meanwhile" : "nobody writes it meanwhile";
};

function textFindings({ input }: Looked): readonly Raw[] {
  const found: Raw[] = [];
  for (const [n, line] of input.statements.split("\n").entries())
    if (visible(line, { lines: true }) !== line.replaceAll("\r", "⟨U+000D⟩"))
      found.push([
        "hidden_character",
        "danger",
        `line ${n + 1} holds characters that do not show, or look like others: ${clip(visible(line, { lines: true }), 200)}`,
        "write it in plain characters",
      ]);
  return found;
}

const squawkFindings = ({ squawk, planned }: Looked): readonly Raw[] =>
  (squawk ?? []).map(({ rule, message, help, line }) => [
    `squawk.${rule}`,
    "warning",
    `line ${line}: ${message}`,
    help ?? "see squawk's documentation of this rule",
    planned.statements[0]?.ddl[0]?.object,
  ]);

const SOURCE = "sql";
type Words = Record<"impact" | "evidence" | "unverified" | "assumptions", readonly Statement[]>;

/** Labels of statements whose count of rows says something. */
const COUNTS = /^(?:SELECT|INSERT|UPDATE|DELETE|MERGE|COPY)\b/;

/** What is known of the change as a whole, how, and what nobody looked at. */
export function statementsOf({ database, input, planned, squawk }: Looked): Words {
  const say =
    (provenance: Statement["provenance"]) =>
    (topic: string, text: string, object?: string): Statement => ({
      topic,
      text,
      provenance,
      source: SOURCE,
      ...(object !== undefined && { resource: resourceOf(database.name, object) }),
    });
  const [derived, unknown] = [say("derived"), say("unknown")];
  const { change } = planned;
  const counts = change?.results.map(({ label, rows }) => (COUNTS.test(label) ? `${label} ${rows}` : label)).join(", ");
  const where = database.rehearse === "copy" ? "a copy" : "the database itself";
  const triggers = planned.objects.filter((object) => hasTriggers(planned.schemas[object]));
  return {
    impact: planned.statements.flatMap(({ label, reads }) =>
      reads
        .slice(0, 50)
        .map(({ table, columns }) => derived("reads", `${label} reads ${table} (${columns.join(", ") || "no column"})`, table)),
    ),
    evidence: [
      ...(counts === undefined ? [] : [derived("rehearsal", `Ran on ${where} in a transaction that was rolled back: ${counts}`)]),
      ...(squawk === undefined
        ? []
        : [derived("squawk", `squawk read it and found ${squawk.length} thing${squawk.length === 1 ? "" : "s"}`)]),
    ],
    unverified: [
      ...(planned.notTried === undefined
        ? []
        : [unknown("rehearsal", `What the statements do: they were not tried out, since ${planned.notTried}`)]),
      ...planned.statements.flatMap(({ kind, label, dynamic }) =>
        kind === "unknown" || dynamic.length > 0
          ? [unknown("statement", `What ${label} does: ${dynamic[0] ?? "statements of this kind"} cannot be looked into`)]
          : [],
      ),
      ...planned.strangers.map((name) => unknown("function", `What the function ${name} does beyond what was seen`)),
      ...triggers.map((table) => unknown("trigger", "What its triggers do outside of this database", table)),
      ...(squawk === undefined &&
      database.kind === "postgres" &&
      planned.statements.some(({ kind }) => kind === "ddl" || kind === "truncate")
        ? [unknown("squawk", "What squawk would find: it did not run")]
        : []),
      unknown("consequence", "What programs that read these tables make of it"),
    ],
    assumptions: [
      ...(database.kind === "postgres" && database.rehearse === "copy" && change !== undefined
        ? [unknown("copy", "The copy holds the same rows as the database; where it does not, nothing is committed")]
        : []),
      ...[...input.verify, ...(database.verify ?? [])].map((query) =>
        derived("check", `After it is applied, this must answer true, or the change is taken back: ${clip(query, 4_000)}`),
      ),
    ],
  };
}

const hasTriggers = (described: unknown): boolean => {
  if (Array.isArray(described)) return described.some((row) => Array.isArray(row) && row[0] === "trigger");
  const relation = (described as { readonly relation?: { readonly triggers?: unknown } | null } | undefined)?.relation;
  return Array.isArray(relation?.triggers);
};
