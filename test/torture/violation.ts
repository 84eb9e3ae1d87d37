/** Something was promised and is not so. */
export class Violation extends Error {}

export const broken = (what: string): Violation => new Violation(what);
