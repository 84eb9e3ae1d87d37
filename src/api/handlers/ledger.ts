import { assert, fail, ok, type Result } from "../../core/base/index.ts";
import { entryBundle, HASH_BYTES, leafHash, parseCheckpoint, parseTilePath, TILE_WIDTH } from "../../core/ledger/index.ts";
import { refused, type ApiRefusal } from "../problems.ts";
import { Raw, type Call, type Handlers } from "./call.ts";

/** A tile never changes once it is there. */
const FOREVER = { "cache-control": "public, max-age=31536000, immutable" };

type Names = "ledgerHead" | "ledgerEntries" | "proveInclusion" | "proveConsistency" | "checkpoint" | "tile";

export const ledger: Pick<Handlers, Names> = {
  async ledgerHead({ deps }) {
    const checkpoint = await deps.control.ledger.checkpoint();
    const read = parseCheckpoint(checkpoint.slice(0, checkpoint.indexOf("\n\n") + 1));
    assert(read.ok, "the ledger's own checkpoint can be read");
    const { origin, size, root } = read.value;
    return ok({ origin, size, root: hex(root), checkpoint, vkeys: deps.control.ledger.vkeys() });
  },
  async ledgerEntries({ deps, query }) {
    const { from = 0, limit = 100 } = query;
    const size = await deps.control.ledger.size();
    const entries = await deps.control.ledger.entries(from, limit);
    return ok({
      entries: entries.map(({ index, stream, bytes }) => ({ index, stream, entry: utf8(bytes), leaf_hash: hex(leafHash(bytes)) })),
      size,
    });
  },
  proveInclusion: ({ deps, query }) => deps.control.ledger.inclusion(query.index, query.size),
  proveConsistency: ({ deps, query }) => deps.control.ledger.consistency(query.from, query.to),
  async checkpoint({ deps }) {
    return ok(new Raw("text/plain; charset=utf-8", await deps.control.ledger.checkpoint(), { "cache-control": "public, max-age=1" }));
  },
  tile: (call) => tile(call),
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function tile({ deps, request }: Call): Promise<Result<Raw, ApiRefusal>> {
  const path = (request.raw.url ?? "").slice(1);
  const asked = parseTilePath(path);
  if (!asked.ok) return fail(noTile());
  const { level, index, width } = asked.value;
  const bytes = level === "entries" ? await bundle(deps, index, width) : await hashes(deps, level, index, width);
  return bytes === undefined ? fail(noTile()) : ok(new Raw("application/octet-stream", bytes, FOREVER));
}

/** As many hashes as were asked for, or nothing: a full tile is only served once it is full. */
async function hashes({ control }: Call["deps"], level: number, index: number, width: number): Promise<Uint8Array | undefined> {
  const stored = await control.ledger.tile(level, index);
  const wanted = width * HASH_BYTES;
  return stored.length < wanted ? undefined : stored.subarray(0, wanted);
}

async function bundle({ control }: Call["deps"], index: number, width: number): Promise<Uint8Array | undefined> {
  const size = await control.ledger.size();
  const first = index * TILE_WIDTH;
  if (first + width > size) return undefined;
  const entries = await control.ledger.entries(first, width);
  return entryBundle(entries.map(({ bytes }) => bytes));
}

const noTile = (): ApiRefusal =>
  refused("not_found", "no_such_tile", "the ledger has no such tile", {
    remedy: "GET /checkpoint tells the ledger's size, and so which tiles there are",
  });
