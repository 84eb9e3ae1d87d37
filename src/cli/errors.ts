import type { Refusal, Result } from "../core/base/index.ts";

/** Documented in docs/cli.md and in `pawl --help`. */
export const EXIT = { done: 0, refused: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An expected failure: what was wrong, where, and what to do next. Thrown anywhere in a command, told once, by `run`. */
export class CliError extends Error {
  readonly exit: ExitCode;
  readonly code: string;
  readonly where?: string;
  readonly remedy?: string;
  readonly faults?: readonly Fault[];
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(exit: ExitCode, code: string, message: string, more: ErrorParts = {}) {
    super(message);
    this.exit = exit;
    this.code = code;
    if (more.where !== undefined) this.where = more.where;
    if (more.remedy !== undefined) this.remedy = more.remedy;
    if (more.faults !== undefined && more.faults.length > 0) this.faults = more.faults;
    if (more.details !== undefined) this.details = more.details;
  }
}

/** Some faults know their line in a file. */
export interface Fault extends Refusal {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly caret?: string;
}

export interface ErrorParts {
  readonly where?: string;
  readonly remedy?: string;
  readonly faults?: readonly Fault[];
  readonly details?: Readonly<Record<string, unknown>>;
}

export const usage = (message: string, more: ErrorParts = {}): CliError => new CliError(EXIT.usage, "usage", message, more);
export const refusal = (code: string, message: string, more: ErrorParts = {}): CliError => new CliError(EXIT.refused, code, message, more);

/** The value, or the refusal as a failure of the command. */
export function taken<T>(result: Result<T>, exit: ExitCode = EXIT.usage): T {
  if (result.ok) return result.value;
  const { code, message, where, remedy } = result.error;
  throw new CliError(exit, code, message, { ...(where === undefined ? {} : { where }), ...(remedy === undefined ? {} : { remedy }) });
}

/** What `--json` prints instead of a result. */
export function errorDocument({ code, message, where, remedy, faults, details, exit }: CliError): object {
  return { error: { code, message, where, remedy, faults, details, exit } };
}
