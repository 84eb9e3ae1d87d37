/** Stands in for `fast-check` in a mutation run: fewer cases a property, and no shrinking of what fails. */
import real, { assert as realAssert } from "fast-check";

export * from "fast-check";

/** Some tests count what their cases met, and fail when these are too few: they get them all. */
let whole = false;
export const allCases = (wanted: boolean): void => {
  whole = wanted;
};

const LEAST = 8;
const SHARE = 20;

type Assert = typeof realAssert;

/** A mutant that a twentieth of the cases does not notice is told to survive, so this can only make the score smaller. */
export const assert = ((property: Parameters<Assert>[0], parameters?: Parameters<Assert>[1]) => {
  const runs = parameters?.numRuns ?? 100;
  const numRuns = whole ? runs : Math.min(runs, Math.max(LEAST, Math.ceil(runs / SHARE)));
  return realAssert(property, { ...parameters, numRuns, endOnFailure: true });
}) as Assert;

// oxlint-disable-next-line import/no-default-export -- fast-check has one
export default { ...real, assert };
