/** The door of core/ledger: a Merkle log as RFC 6962, C2SP tlog-tiles, signed-note and tlog-checkpoint have it. */
export { MAX_ENTRY_BYTES, parseEntryBundle, entryBundle } from "./bundle.ts";
export { formatCheckpoint, formatLogKey, openCheckpoint, parseCheckpoint, parseVkeys, signCheckpoint } from "./checkpoint.ts";
export type { Checkpoint, LogKey, OpenCheckpoint } from "./checkpoint.ts";
export type { LedgerCode, LedgerFault } from "./faults.ts";
export { Growth, frontierRoot } from "./frontier.ts";
export type { Frontier } from "./frontier.ts";
export { keyHash, openNote, parseVkey, signNote, vkey } from "./note.ts";
export type { Note, NoteSigner, Vkey } from "./note.ts";
export { parseTilePath, tilePath } from "./paths.ts";
export type { TilePath } from "./paths.ts";
export { consistencyProof, consistencyTiles, inclusionProof, inclusionTiles, verifyConsistency, verifyInclusion } from "./proofs.ts";
export type { Consistency, Inclusion, Proof } from "./proofs.ts";
export { GrowingTree, TILE_WIDTH, frontierFromTiles, integrate, rightEdge, rootFromTiles } from "./tiles.ts";
export type { Integrated, ReadTile, Tile, TileRef } from "./tiles.ts";
export { HASH_BYTES, emptyRoot, leafHash, nodeHash, subtreeRoot } from "./tree.ts";
export { LogVerifier, firstDifference, startVerification, verifyLog } from "./verify.ts";
export type { LogClaim, StoredEntry, StoredLog, VerifiedLog } from "./verify.ts";
export {
  cosignature,
  formatSubmission,
  mergeCosignatures,
  openCosignatures,
  parseSubmission,
  parseWitnessKey,
  witness,
  witnessKey,
} from "./witness.ts";
export type { Cosignature, Submission, WatchedLog } from "./witness.ts";
