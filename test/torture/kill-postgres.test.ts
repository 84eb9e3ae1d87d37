/** The kill test on PostgreSQL, short; `npm run torture -- --db postgres` does it for as long as one likes. */
import test from "node:test";
import { rounds } from "./rounds.ts";

test("postgres: [D30, D34, D36, E44, ST-22] Pawl, PostgreSQL or both are killed 8 times: the same, and no fault in Pawl itself", (t) =>
  rounds(t, "postgres", 8));
