/** Which open changes touch what, as the ledger has it: made in memory from what is stored, and written nowhere. */
import type { ChangeId, PrincipalId } from "../core/base/index.ts";
import type { ChangeState, Status } from "../core/change/index.ts";
import { overlap, type Touch } from "../core/target/index.ts";
import { changeStream, knownFrom } from "./commit.ts";
import type { Deps } from "./deps.ts";
import type { StoredStream } from "./ports.ts";
import { touchesOfPlan } from "./targets.ts";

/** Changes with a plan that may still take effect, or of whose run nobody has said how it ended. */
const OPEN = ["planned", "awaiting", "authorised", "running", "applied", "indeterminate", "stale"] as const satisfies readonly Status[];
type Open = Extract<ChangeState, { readonly status: (typeof OPEN)[number] }>;
const isOpen = (state: ChangeState): state is Open => (OPEN as readonly Status[]).includes(state.status);

/** An open change, as little of it as is asked for: there may be many. */
interface Entry {
  readonly change: ChangeId;
  readonly status: Status;
  readonly proposer: PrincipalId;
  readonly touches: readonly Touch[];
}

export interface Touching extends Entry {
  /** What it shares with whoever asked. */
  readonly shared: readonly Touch[];
}

/** Who touches what of one system. */
class System {
  readonly #of = new Map<string, Set<ChangeId>>();
  readonly #all = new Set<ChangeId>();
  readonly #whole = new Set<ChangeId>();

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  add(change: ChangeId, resources: Touch["resources"]): void {
    this.#all.add(change);
    if (resources === "all") this.#whole.add(change);
    else for (const each of resources) this.#of.set(each, (this.#of.get(each) ?? new Set()).add(change));
  }

  remove(change: ChangeId, resources: Touch["resources"]): void {
    this.#all.delete(change);
    this.#whole.delete(change);
    for (const each of resources === "all" ? [] : resources) {
      const those = this.#of.get(each);
      those?.delete(change);
      if (those?.size === 0) this.#of.delete(each);
    }
  }

  among(resources: Touch["resources"]): readonly ChangeId[] {
    return resources === "all" ? [...this.#all] : [...this.#whole, ...resources.flatMap((each) => [...(this.#of.get(each) ?? [])])];
  }
}

class Index {
  readonly #deps: Deps;
  readonly #open = new Map<ChangeId, Entry>();
  readonly #systems = new Map<string, System>();
  /** The first entry of the ledger that has not been looked at. */
  #next: number | undefined;
  #catching: Promise<void> | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async among(touches: readonly Touch[]): Promise<readonly Touching[]> {
    // What was begun before may have looked too early.
    await this.#catching?.catch(() => undefined);
    await (this.#catching ??= this.#catchUp().finally(() => (this.#catching = undefined)));
    const ids = new Set(touches.flatMap(({ system, resources }) => this.#systems.get(system)?.among(resources) ?? []));
    return [...ids].flatMap((id): Touching[] => {
      const entry = this.#open.get(id);
      const shared = entry === undefined ? [] : overlap(touches, entry.touches);
      return entry === undefined || shared.length === 0 ? [] : [{ ...entry, shared }];
    });
  }

  async #catchUp(): Promise<void> {
    if (this.#next === undefined) return this.#first();
    for (;;) {
      const entries = await this.#deps.store.entries(this.#next, PAGE);
      const moved = new Set(entries.map(({ stream }) => stream).filter((stream) => stream.startsWith(CHANGE)));
      for (const stream of moved) await this.#look(stream, await this.#deps.store.load(stream));
      this.#next += entries.length;
      if (entries.length < PAGE) return;
    }
  }

  async #first(): Promise<void> {
    const { size } = await this.#deps.store.head();
    let cursor: string | undefined;
    do {
      const page = await this.#deps.store.list({
        prefix: CHANGE,
        statuses: OPEN,
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const row of page.rows) await this.#look(row.stream, row);
      cursor = page.cursor;
      // Where many are open, others are served meanwhile.
      if (cursor !== undefined) await new Promise<void>((resolve) => void this.#deps.timers.after(0, resolve));
    } while (cursor !== undefined);
    this.#next = size;
  }

  async #look(stream: string, row: StoredStream | undefined): Promise<void> {
    const known = row && knownFrom(row);
    const state = known?.ok === true && isOpen(known.value.state) ? known.value.state : undefined;
    const touches = state && (await touchesOfPlan(this.#deps, state.object.plan));
    const id = stream.slice(CHANGE.length) as ChangeId;
    this.#forget(id);
    if (state === undefined || touches === undefined) return;
    this.#open.set(id, { change: id, status: state.status, proposer: state.parties.proposer, touches });
    for (const { system, resources } of touches) {
      const at = this.#systems.get(system) ?? new System();
      at.add(id, resources);
      this.#systems.set(system, at);
    }
  }

  #forget(id: ChangeId): void {
    for (const { system, resources } of this.#open.get(id)?.touches ?? []) {
      const at = this.#systems.get(system);
      at?.remove(id, resources);
      if (at?.isEmpty === true) this.#systems.delete(system);
    }
    this.#open.delete(id);
  }
}

const CHANGE = changeStream("");
const PAGE = 500;
const indexes = new WeakMap<Deps, Index>();

/** The open changes that touch any of this, as of now. */
export async function touching(deps: Deps, touches: readonly Touch[]): Promise<readonly Touching[]> {
  const index = indexes.get(deps) ?? new Index(deps);
  indexes.set(deps, index);
  return index.among(touches);
}
