/** Commits on the event loop's own thread, for an append that nobody else waits behind: no other thread has to be woken for it. */
import type { Backend, Outcome } from "../model.ts";
import { factsOr } from "./facts.ts";
import { begin, connect, finish, isBusy, messageOf, pagesOf, rollback, type Connection } from "./program.ts";
import { outcomeOf, programOf } from "./steps.ts";

/** A disk that takes longer is waited for in the writer's thread, for so many commits. */
const SLOW_MILLIS = 2;
const PATIENCE = 50;

export interface Here {
  /** Undefined when it must be done by the writer's thread after all: somebody else writes, or the disk is slow. */
  readonly transact: (...work: Parameters<Backend["transact"]>) => Outcome | undefined;
  readonly close: () => void;
}

/** `wrote` is told about how many pages each commit added to the log. */
export function commitsHere(path: string, now: () => number, wrote: (pages: number) => void): Here {
  const connection = connect(path, { busyMillis: 0 });
  let elsewhere = 0;
  return {
    transact: (need, decide) => {
      if (elsewhere > 0) {
        elsewhere--;
        return undefined;
      }
      const start = now();
      const outcome = transact(connection, wrote, need, decide);
      if (now() - start > SLOW_MILLIS) elsewhere = PATIENCE;
      return outcome;
    },
    close: () => connection.db.close(),
  };
}

function transact(
  connection: Connection,
  wrote: (pages: number) => void,
  ...[need, decide]: Parameters<Backend["transact"]>
): Outcome | undefined {
  try {
    begin(connection);
  } catch (error) {
    return isBusy(error) ? undefined : { kind: "failed", message: messageOf(error) };
  }
  try {
    const facts = factsOr(connection, need);
    const set = typeof facts === "string" ? undefined : decide(facts);
    if (set) {
      const program = programOf(set);
      wrote(pagesOf(program));
      return outcomeOf(connection, finish(connection, program), set);
    }
    return typeof facts === "string" ? { kind: "failed", message: facts } : { kind: "nothing" };
  } finally {
    rollback(connection);
  }
}
