/** A system that changes are made to, looked at by itself: what it holds, and how often something was written to it. */
import { existsSync, readFileSync, rmSync, watch, writeFileSync, type FSWatcher } from "node:fs";
import { join } from "node:path";

/** What a target's own log can tell of a write at the moment it happens. */
export type Sign = "begins" | "written";

/** The write that waits, and where in it. */
export interface Held {
  readonly sign: Sign;
  readonly value: string;
}

/** Told in the middle of the write, which waits for the answer where the target can wait. */
export type Listener = (sign: Sign, value: string) => Promise<void>;

export interface Step {
  readonly connector: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** One place that holds one value. A value that begins with `bad` fails its verification, and is undone. */
export interface Target {
  /** Part of `pawl.yaml` of the process that works the connector. */
  readonly settings: Readonly<Record<string, readonly unknown[] | Readonly<Record<string, unknown>>>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Declared operations, by connector. */
  readonly declarations?: Readonly<Record<string, readonly object[]>>;
  readonly connectors: readonly string[];
  /** The steps of a change that writes a value over what is there. */
  steps(value: string): Promise<readonly Step[]>;
  /** What it holds, told without Pawl; a text that nobody wrote where only a part of a write is there. */
  value(): Promise<string>;
  /** How often this value was written since `steps` named it, as far as the target itself can tell. */
  writes(value: string): Promise<number>;
  /** By hand, past Pawl. */
  mend(value: string): Promise<void>;
  /** From now on signs are told; the write that is `held` waits until others listen, or nobody. */
  listen(listener: Listener | undefined, held?: Held): void;
  /** Its log tells nothing while it is written to. */
  readonly isSilent?: true;
  /** What was killed in the middle is cleared away by whoever keeps the target. */
  sweep(): Promise<void>;
  /** The server of a target that has one, killed and started again. */
  readonly server?: { kill(): Promise<void>; restart(): Promise<void> };
  close(): Promise<void>;
}

/**
 * A program's own record: lines `begins VALUE` and `written VALUE` in a file that only grows, and gates at which it waits for as
 * long as they are there.
 */
export class Witness {
  readonly log: string;
  readonly #gates: string;
  readonly #watcher: FSWatcher;
  #told = 0;
  #gate = "";
  #listener: Listener | undefined;

  constructor(folder: string) {
    this.log = join(folder, "log");
    this.#gates = join(folder, "hold-");
    writeFileSync(this.log, "");
    this.#watcher = watch(this.log, () => this.#tell());
  }

  /** Shell that notes a sign of the value in `$1`, and waits at its gate. */
  note(sign: Sign): string {
    return `echo "${sign} $1" >> '${this.log}'; while test -e '${this.#gates}${sign}'-$1; do sleep 0.02; done`;
  }

  listen(listener: Listener | undefined, held?: Held): void {
    this.#listener = listener;
    if (this.#gate !== "") rmSync(this.#gate, { force: true });
    if (held === undefined) return;
    this.#gate = `${this.#gates}${held.sign}-${held.value}`;
    writeFileSync(this.#gate, "");
  }

  writes(value: string): number {
    return this.#lines().filter((line) => line === `written ${value}`).length;
  }

  close(): void {
    this.listen(undefined);
    this.#watcher.close();
  }

  #lines(): readonly string[] {
    return existsSync(this.log) ? readFileSync(this.log, "utf8").split("\n").slice(0, -1) : [];
  }

  #tell(): void {
    for (const line of this.#lines().slice(this.#told)) {
      this.#told += 1;
      const [sign, value = ""] = line.split(" ");
      if (sign === "begins" || sign === "written") void this.#listener?.(sign, value);
    }
  }
}

/** What most have no need of. */
export const plain = { listen: (): void => {}, sweep: async (): Promise<void> => {}, close: async (): Promise<void> => {} };
