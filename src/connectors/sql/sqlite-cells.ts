/** What a cell of SQLite says to people. */
export function plainCell(cell: string): string {
  const hex = /^CAST\(X'([0-9A-F]*)' AS TEXT\)$/.exec(cell)?.[1];
  if (hex !== undefined) return Buffer.from(hex, "hex").toString("utf8");
  return cell.startsWith("'") ? cell.slice(1, -1).replaceAll("''", "'") : cell;
}
