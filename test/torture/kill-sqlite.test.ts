/** The kill test, short; `npm run torture` does it for as long as one likes. */
import test from "node:test";
import { rounds } from "./rounds.ts";

test("sqlite: [D30, D34, E44] killed 25 times under load: nothing acknowledged is lost, and nothing runs twice", (t) =>
  rounds(t, "sqlite", 25));
