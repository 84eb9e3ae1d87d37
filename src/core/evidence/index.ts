/** The door of core/evidence: what outsiders are handed, and how they check it. Pure, so that a browser can run it too. */
export { MAX_BUNDLE_BYTES, readBundle, schemaOf, sealBundle } from "./bundle.ts";
export { entryOfLine, EXPORT_FORMATS, exportEntry } from "./export.ts";
export type { ExportFormat } from "./export.ts";
export { documentsOf } from "./digests.ts";
export { readEntry } from "./ledger-checks.ts";
export type { ReadEntry } from "./ledger-checks.ts";
export { bearsOn, completeness } from "./run-checks.ts";
export * from "./types.ts";
export { verifyBundle } from "./verify.ts";
export type { VerifiedBundle } from "./verify.ts";
export { askOf, readReport, ReportBuilder, verifyReport } from "./report.ts";
export type { ChangeReport, Recomputed, ReportAsk } from "./report.ts";
export type { Exception, ReportRow } from "./report-row.ts";
