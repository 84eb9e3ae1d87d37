/** What every store must do alike; run on memory, SQLite and PostgreSQL. */
import type { OpenStore } from "../../src/store/index.ts";
import { appendContract } from "./store-append.ts";
import { outboxContract } from "./store-outbox.ts";
import { racesContract } from "./store-races.ts";
import { readContract } from "./store-read.ts";

/** One database of one test. */
export interface Database {
  /** A node on the database; stores in memory have one node only, and answer with the same. */
  open(): Promise<OpenStore>;
}

/** Registers its own clean-up with the test. */
export type MakeDatabase = (t: { after(fn: () => Promise<void> | void): void }) => Promise<Database>;

export interface Suite {
  readonly name: string;
  readonly make: MakeDatabase;
}

export function storeContract(name: string, make: MakeDatabase): void {
  const suite = { name, make };
  appendContract(suite);
  readContract(suite);
  outboxContract(suite);
  racesContract(suite);
}
