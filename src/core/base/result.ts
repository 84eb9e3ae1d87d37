/** An expected outcome: a value, or a refusal that the caller must look at. Nothing in the core throws for an expected refusal. */
export type Result<T, E = Refusal> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/**
 * Why something was not done. `code` is one of a closed set per module; `message` says what was wrong,
 * `where` points at it (a path, a line, an id), `remedy` says what to do next.
 */
export interface Refusal<C extends string = string> {
  readonly code: C;
  readonly message: string;
  readonly where?: string;
  readonly remedy?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const fail = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });

export function refuse<C extends string>(
  code: C,
  message: string,
  more: Omit<Refusal<C>, "code" | "message"> = {},
): { readonly ok: false; readonly error: Refusal<C> } {
  return { ok: false, error: { code, message, ...more } };
}
