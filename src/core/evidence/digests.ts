import { isDigest, type Digest, type Json } from "../base/index.ts";

/** Members of events whose value is the digest of a stored document. All else that looks like a digest is computed. */
const DOCUMENTS = new Set(["proposal", "plan", "route", "presentation", "context", "comment", "reason", "evidence", "file"]);

/**
 * The documents that an event names, wherever in it they stand: an event of a kind that is not known yet has its evidence under the
 * same names.
 */
export function documentsOf(event: Json): readonly Digest[] {
  const found = new Set<Digest>();
  const walk = (value: Json): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (DOCUMENTS.has(key) && typeof member === "string" && isDigest(member)) found.add(member);
      else walk(member);
    }
  };
  walk(event);
  return [...found];
}
