/** What is known of a deployment from outside: what everybody asked and was told, and the ledger as it was read. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Recorder } from "../../src/testing/history.ts";
import { ADMIN, ORIGIN } from "./deployment.ts";
import { Caller, Journal } from "./journal.ts";
import { Mirror } from "./mirror.ts";
import { command } from "./processes.ts";
import { broken } from "./violation.ts";

export class Evidence {
  readonly folder: string;
  readonly journal = new Journal();
  readonly recorder = new Recorder();
  readonly mirror: Mirror;
  readonly #callers: ReadonlyMap<string, Caller>;

  constructor(folder: string, tokens: ReadonlyMap<string, string>) {
    this.folder = folder;
    const { log_keys } = JSON.parse(readFileSync(join(folder, "data", "trust.json"), "utf8")) as { log_keys: readonly string[] };
    this.mirror = new Mirror(ORIGIN, log_keys);
    this.#callers = new Map([...tokens].map(([who, token]) => [who, new Caller(who, token, this.recorder, this.journal)]));
  }

  caller(who: string): Caller {
    const caller = this.#callers.get(who);
    if (caller === undefined) throw new Error(`nobody is ${who}`);
    return caller;
  }

  /** Reads the ledger on; the changes that moved come back. */
  follow(url: string): Promise<ReadonlySet<string>> {
    return this.mirror.follow(this.caller(ADMIN).connection, url);
  }

  async fsck(): Promise<void> {
    const { code, text } = await command(this.folder, "ledger", "fsck");
    if (code !== 0) throw broken(`pawl ledger fsck ended with ${code}:\n${text}`);
  }

  disconnect(): void {
    for (const caller of this.#callers.values()) caller.connection.close();
  }
}
