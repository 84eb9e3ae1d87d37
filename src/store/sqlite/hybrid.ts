/** One append at a time is committed here; what waits together, and everything else that writes, goes to the writer's thread. */
import type { Backend, Outcome } from "../model.ts";
import { factsOr } from "./facts.ts";
import { commitsHere } from "./here.ts";
import { TIDY_PAGES, type Connection, type ProgramStep, type Reply } from "./program.ts";
import { outcomeOf, programOf } from "./steps.ts";
import type { Writer } from "./writer.ts";

export interface Writing {
  readonly transact: Backend["transact"];
  readonly run: Writer["run"];
  readonly close: () => Promise<void>;
}

/** With `now`, a clock that shows whether the disk is slow; without it the writer does everything. */
export function hybrid(path: string, reader: Connection, makeWriter: (path: string) => Writer, now: (() => number) | undefined): Writing {
  const writer = makeWriter(path);
  let running = 0;
  let pages = 0;
  const counted = async (work: () => Promise<Reply>): Promise<Reply> => {
    running++;
    try {
      return await work();
    } finally {
      running--;
    }
  };
  /** Most of it while commits go on here; the rest, which came meanwhile, while they wait in the thread's queue. */
  const tidy = async (): Promise<void> => {
    await writer.tidy();
    if (pages > 0) await counted(() => writer.tidy());
  };
  const wrote = (more: number): void => {
    pages += more;
    if (pages < TIDY_PAGES) return;
    pages = 0;
    void tidy();
  };
  const here = now && commitsHere(path, now, wrote);
  const run = (steps: readonly ProgramStep[]): Promise<Reply> => counted(() => writer.run(steps));
  return {
    run,
    transact: async (need, decide): Promise<Outcome> => {
      const done = need.alone === true && running === 0 ? here?.transact(need, decide) : undefined;
      if (done) return done;
      const facts = factsOr(reader, need);
      if (typeof facts === "string") return { kind: "failed", message: facts };
      const set = decide(facts);
      return set ? outcomeOf(reader, await run(programOf(set)), set) : { kind: "nothing" };
    },
    close: async () => {
      here?.close();
      await writer.close();
    },
  };
}
