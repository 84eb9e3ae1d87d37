/** A broken invariant is a bug, never a refusal: it crashes where it is noticed. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** Closes an exhaustive switch: a new variant that nobody handles is a type error here. */
export function never(value: never, what: string): never {
  throw new Error(`invariant broken: unexpected ${what}: ${JSON.stringify(value)}`);
}
