/** What an outside witness of the ledger keeps: every entry as it was first read, hashed into a tree of its own. */
import { equalBytes, parseJson } from "../../src/core/base/index.ts";
import { evolve, type ChangeEvent, type ChangeState } from "../../src/core/change/index.ts";
import {
  emptyRoot,
  integrate,
  leafHash,
  openCheckpoint,
  parseVkeys,
  verifyConsistency,
  type Frontier,
  type Vkey,
} from "../../src/core/ledger/index.ts";
import { answered, type Connection } from "./http.ts";
import { broken } from "./violation.ts";

interface HeadView {
  readonly origin: string;
  readonly size: number;
  readonly checkpoint: string;
}
interface EntryView {
  readonly index: number;
  readonly entry: string;
}
interface Entry {
  readonly stream: string;
  readonly n: number;
  readonly event: { readonly type: string; readonly [member: string]: unknown };
}

/** One change as its entries tell it. */
export interface Told {
  readonly events: readonly ChangeEvent[];
  readonly state: ChangeState;
}

const PAGE = 1000;

export class Mirror {
  readonly #keys: readonly Vkey[];
  readonly #origin: string;
  readonly #tiles = new Map<string, Uint8Array>();
  readonly #roots = new Map<number, Uint8Array>([[0, emptyRoot()]]);
  readonly #changes = new Map<string, { events: ChangeEvent[]; state: ChangeState }>();
  /** What belongs to no change, by stream. */
  readonly #others = new Map<string, Entry["event"][]>();
  /** Checkpoints that somebody was given and nobody has compared yet. */
  #received: string[] = [];
  #frontier: Frontier | undefined;
  #size = 0;
  #compared = 0;

  constructor(origin: string, vkeys: readonly string[]) {
    const keys = parseVkeys(vkeys);
    if (!keys.ok) throw new Error(keys.error.message);
    this.#keys = keys.value;
    this.#origin = origin;
  }

  /** Somebody outside holds this signed head from now on. */
  receive(checkpoint: string): void {
    this.#received.push(checkpoint);
  }

  get size(): number {
    return this.#size;
  }

  /** Checkpoints that turned out to be prefixes of the head. */
  get compared(): number {
    return this.#compared;
  }

  change(id: string): Told | undefined {
    return this.#changes.get(id);
  }

  get changes(): ReadonlyMap<string, Told> {
    return this.#changes;
  }

  of(stream: string): readonly Entry["event"][] {
    return this.#others.get(stream) ?? [];
  }

  /** Reads on to the present head and compares all that was received with it; the changes that moved come back. */
  async follow(connection: Connection, url: string): Promise<ReadonlySet<string>> {
    const head = await answered<HeadView>(connection, url, { method: "GET", path: "/v1/ledger/head" });
    const held = [...this.#received.splice(0), head.checkpoint].map((note) => this.#open(note));
    const last = held.at(-1);
    if (last === undefined || head.size !== last.size) throw broken("the head is not of the size that it says");
    if (last.size < this.#size) throw broken(`the ledger had ${this.#size} entries and has ${last.size} now`);
    const moved = await this.#read(connection, url, new Set(held.map(({ size }) => size)), last.size);
    for (const { size, root } of new Map(held.map((each) => [each.size, each])).values()) {
      const own = this.#roots.get(size);
      if (own !== undefined && !equalBytes(own, root))
        throw broken(`the checkpoint of size ${size} is not the root of the entries before it`);
      if (own === undefined && size > last.size) throw broken(`a checkpoint of size ${size} was given out, and the head has ${last.size}`);
      await prove(connection, url, { size, root }, last);
      this.#compared += 1;
    }
    return moved;
  }

  #open(note: string): { readonly size: number; readonly root: Uint8Array } {
    const opened = openCheckpoint(note, this.#keys, this.#origin);
    if (!opened.ok) throw broken(`a checkpoint is not signed by the log: ${opened.error.message}\n${note}`);
    return opened.value;
  }

  async #read(connection: Connection, url: string, sizes: ReadonlySet<number>, until: number): Promise<Set<string>> {
    const moved = new Set<string>();
    let leaves: Uint8Array[] = [];
    while (this.#size + leaves.length < until) {
      const from = this.#size + leaves.length;
      const path = `/v1/ledger/entries?from=${from}&limit=${Math.min(PAGE, until - from)}`;
      const { entries } = await answered<{ entries: readonly EntryView[] }>(connection, url, { method: "GET", path });
      if (entries.length === 0) throw broken(`entry ${from} is missing below a head of ${until}`);
      for (const { index, entry } of entries) {
        if (index !== this.#size + leaves.length) throw broken(`entry ${index} stands where ${this.#size + leaves.length} should`);
        leaves.push(leafHash(new TextEncoder().encode(entry)));
        const change = this.#keep(entry);
        if (change !== undefined) moved.add(change);
        if (sizes.has(index + 1) || index + 1 === until) leaves = this.#grow(leaves);
      }
    }
    return moved;
  }

  #grow(leaves: readonly Uint8Array[]): [] {
    const readTile = (level: number, index: number): Uint8Array => this.#tiles.get(`${level}/${index}`) ?? new Uint8Array();
    const grown = integrate(this.#size, readTile, leaves, this.#frontier);
    for (const { level, index, bytes } of grown.tiles) this.#tiles.set(`${level}/${index}`, bytes);
    this.#frontier = grown.frontier;
    this.#size = grown.size;
    this.#roots.set(grown.size, grown.root);
    return [];
  }

  #keep(text: string): string | undefined {
    const parsed = parseJson(new TextEncoder().encode(text));
    if (!parsed.ok) throw broken(`an entry is not JSON: ${parsed.error.message}`);
    const { stream, n, event } = parsed.value as unknown as Entry;
    if (!stream.startsWith("change/")) {
      this.#others.set(stream, [...(this.#others.get(stream) ?? []), event]);
      return undefined;
    }
    const id = stream.slice("change/".length);
    const known = this.#changes.get(id);
    if (n !== (known?.events.length ?? 0)) throw broken(`change ${id} has entry ${n} after ${known?.events.length ?? 0} entries`);
    const next = event as unknown as ChangeEvent;
    const state = evolve(known?.state, next);
    if (known === undefined) this.#changes.set(id, { events: [next], state });
    else {
      known.events.push(next);
      known.state = state;
    }
    return id;
  }
}

interface Sized {
  readonly size: number;
  readonly root: Uint8Array;
}

/** What an auditor who keeps no entries would do. */
async function prove(connection: Connection, url: string, from: Sized, to: Sized): Promise<void> {
  const path = `/v1/ledger/proof/consistency?from=${from.size}&to=${to.size}`;
  const { proof } = await answered<{ proof: readonly string[] }>(connection, url, { method: "GET", path });
  const nodes = proof.map((node) => new Uint8Array(Buffer.from(node, "hex")));
  const verdict = verifyConsistency({ from: from.size, to: to.size, fromRoot: from.root, toRoot: to.root, proof: nodes });
  if (!verdict.ok)
    throw broken(`the checkpoint of size ${from.size} is no prefix of the head of size ${to.size}: ${verdict.error.message}`);
}
