/** As much of Temporal as the reference needs: the compiler does not know it yet. */
interface Zoned {
  readonly epochMilliseconds: number;
  toPlainDateTime(): Plain;
  getTimeZoneTransition(direction: "next"): Zoned | null;
}
interface Plain {
  readonly dayOfWeek: number;
  with(fields: Readonly<Record<string, number>>): Plain;
  add(duration: { readonly days: number }): Plain;
  subtract(duration: { readonly days: number }): Plain;
  until(other: Plain): { readonly sign: number };
  equals(other: Plain): boolean;
  toZonedDateTime(zone: string, options: { readonly disambiguation: "earlier" | "later" }): Zoned;
}
export interface TemporalLike {
  readonly Instant: { fromEpochMilliseconds(at: number): { toZonedDateTimeISO(zone: string): Zoned } };
  readonly PlainDateTime: { from(text: string): Plain };
}
