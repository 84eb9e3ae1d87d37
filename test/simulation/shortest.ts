import type { Action } from "./actions.ts";
import { shrink } from "./shrink.ts";
import { replay, type Failure, type Options } from "./simulate.ts";

/** How many steps may be made in search of a shorter history: about a minute's worth. */
const BUDGET = 1_500_000;
const TRIES = 2_000;

/** The same failure in as few actions as a search finds: first what happened in between is put in its plain order, then things are left out. */
export async function shortest(failure: Failure, budget = BUDGET, options: Options = {}): Promise<Failure> {
  let least = failure;
  let left = budget;
  const fails = async (actions: readonly Action[]): Promise<readonly Action[] | undefined> => {
    if (left < 0) return undefined;
    const { world, failure: again } = await replay(actions, failure, options);
    left -= world.steps;
    if (again?.invariant !== failure.invariant) return undefined;
    if (again.actions.length <= least.actions.length) least = { ...again, seed: failure.seed };
    return again.actions;
  };
  const plain = await fails(inOrder(failure.actions, () => true));
  const start = together(plain ?? (await ordered(failure.actions, fails)));
  await shrink(start, fails, TRIES);
  return least;
}

/** Runs of things let go without a fault become one: everything that waits, in its order. */
function inOrder(actions: readonly Action[], where: (at: number) => boolean): Action[] {
  const after: Action[] = [];
  for (const [at, action] of actions.entries()) {
    const plain = action.do === "go" && action.fate === undefined && where(at);
    if (!plain) after.push(action);
    else if (after.at(-1)?.do !== "drain") after.push({ n: action.n, do: "drain" });
  }
  return after;
}

/** Things let go one after the other in their order are one action, which is left out or not. */
function together(actions: readonly Action[]): Action[] {
  const after: Action[] = [];
  for (const action of actions) {
    const last = after.at(-1);
    const plain = (each: Action | undefined): each is Extract<Action, { do: "go" }> =>
      each?.do === "go" && each.at === 0 && each.fate === undefined;
    if (plain(action) && plain(last)) after[after.length - 1] = { ...last, times: (last.times ?? 1) + (action.times ?? 1) };
    else after.push(action);
  }
  return after;
}

/** As much of it in plain order as the failure allows: by halves, from the beginning. */
async function ordered(
  actions: readonly Action[],
  fails: (actions: readonly Action[]) => Promise<readonly Action[] | undefined>,
): Promise<readonly Action[]> {
  let best = actions;
  for (let size = Math.ceil(actions.length / 2); size >= 8; size = Math.ceil(size / 2)) {
    for (let at = 0; at < best.length; at += size) {
      const from = at;
      const tried = inOrder(best, (each) => each >= from && each < from + size);
      const failing = tried.length < best.length ? await fails(tried) : undefined;
      if (failing !== undefined) best = failing;
    }
  }
  return best;
}
