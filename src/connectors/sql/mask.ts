import { compileGlob } from "../../core/base/index.ts";
import { secretValue } from "../../core/plan/index.ts";
import type { FieldChange, PlanValue } from "../../core/plan/index.ts";
import { columnPattern } from "./declare.ts";
import { nameOf, partsOf } from "./names.ts";
import { plainCell } from "./sqlite-cells.ts";
import type { Param, Row, SqlDatabase, SqlOptions, TableChange } from "./types.ts";

/** What the operator says of columns: which are shown to nobody, and what kind of data they hold. */
export class Columns {
  readonly #sensitive: readonly ((path: string) => boolean)[];
  readonly #classes: readonly { readonly matches: (path: string) => boolean; readonly name: string }[];

  constructor({ sensitive, classes }: SqlDatabase) {
    this.#sensitive = (sensitive ?? []).map(matcher);
    this.#classes = (classes ?? []).map((line) => {
      const at = line.lastIndexOf("=");
      return { matches: matcher(line.slice(0, at)), name: line.slice(at + 1) };
    });
  }

  isSensitive(table: string, column: string): boolean {
    return this.#sensitive.some((matches) => matches(pathOf(table, column)));
  }

  classesOf(table: string, columns: readonly string[]): readonly string[] {
    return [
      ...new Set(
        columns.flatMap((column) => this.#classes.filter(({ matches }) => matches(pathOf(table, column))).map(({ name }) => name)),
      ),
    ].toSorted();
  }
}

const pathOf = (table: string, column: string): string => [...partsOf(table), column].map((part) => part.toLowerCase()).join("/");

function matcher(pattern: string): (path: string) => boolean {
  const compiled = compileGlob(columnPattern(pattern.toLowerCase()));
  return compiled.ok ? (path) => compiled.value.matches(path) : () => true;
}

const CELL = 200;

export interface Showing {
  readonly database: SqlDatabase;
  readonly secretKey: Uint8Array;
  readonly findSecrets: SqlOptions["findSecrets"];
  readonly columns: Columns;
  readonly volatile: readonly string[];
  readonly parameters: readonly Param[];
}

/** A few rows before and after: the columns that change, and those by which a row is known. */
export async function samplesOf(
  showing: Showing,
  table: TableChange,
  kind: "create" | "update" | "delete",
  copied: boolean,
): Promise<readonly FieldChange[]> {
  const rows = table.changes.filter(({ before, after }) => (kind === "create" ? !before : kind === "delete" ? !after : before && after));
  // Which row became which cannot be told without a key.
  if (kind === "update" && table.key.length === 0) return [];
  const fields: FieldChange[] = [];
  for (const [n, { before, after }] of rows.slice(0, showing.database.sampleRows).entries()) {
    const names = Object.keys(before ?? after ?? {}).filter((name) => table.key.includes(name) || before?.[name] !== after?.[name]);
    for (const name of names) {
      const old = await shown(showing, table.table, name, before);
      const now =
        isVolatile(showing, table.table, name) && after !== undefined
          ? EACH_TIME
          : await shown(showing, table.table, name, after, copied && before?.[name] !== after?.[name]);
      fields.push({ path: `sample.${n + 1}.${nameOf(name)}`, ...(old && { before: old }), ...(now && { after: now }) });
    }
  }
  return fields;
}

const isVolatile = ({ volatile }: Showing, table: string, column: string): boolean => volatile.includes(`${table}.${column}`);
const EACH_TIME: PlanValue = { kind: "json", value: "(another value each time)" };

async function shown(
  showing: Showing,
  table: string,
  column: string,
  row: Row | undefined,
  copied = false,
): Promise<PlanValue | undefined> {
  const cell = row?.[column];
  if (cell === undefined) return undefined;
  if (cell === null) return { kind: "json", value: null };
  const text = (showing.database.kind === "sqlite" ? plainCell(cell) : cell).toWellFormed().normalize("NFC");
  const hidden = copied || showing.columns.isSensitive(table, column) || (await showing.findSecrets(text)).length > 0;
  if (hidden) return secretValue(showing.secretKey, text);
  return { kind: "json", value: text.length > CELL ? `${text.slice(0, CELL).toWellFormed()}… (${text.length} characters)` : text };
}
