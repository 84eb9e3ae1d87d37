export interface CommandOptions {
  /** Patterns of absolute paths of programs that may run here. */
  readonly programs: readonly string[];
  /**
   * Command lines that may run to look, each argument a pattern; any of those programs where none is named. A look needs no grant, so
   * whoever can ask for one could otherwise run what writes.
   */
  readonly probes?: readonly string[];
  /** Names of variables that may be handed on. */
  readonly pass: readonly string[];
  /** Each run has a folder of its own below it. It belongs to Pawl alone. */
  readonly workDir: string;
  /** Keys the digests that stand in for outputs and for what is masked. */
  readonly secretKey: Uint8Array;
  readonly findSecrets: (text: string) => Promise<readonly unknown[]>;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export const COMMAND_LIMITS = {
  /** Of what a command prints, each way. */
  output: 1024 * 1024,
  /** Of a program, and of a file that it is given. */
  program: 512 * 1024 * 1024,
  file: 64 * 1024 * 1024,
} as const;
