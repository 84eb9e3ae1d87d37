/** The head of a new database, and whether the head of an old one is ours. */
import type { Signer } from "../control/ports.ts";
import { assert, equalBytes, fail, type Refusal } from "../core/base/index.ts";
import { emptyRoot, openCheckpoint, parseVkey, signCheckpoint, vkey, type LogKey } from "../core/ledger/index.ts";
import type { Head } from "./model.ts";

export type OpenCode =
  | "schema_newer"
  | "not_a_store"
  | "not_empty"
  | "wrong_origin"
  | "wrong_key"
  | "store_corrupt"
  | "store_unavailable"
  | "not_primary";
export type OpenRefusal = Refusal<OpenCode>;

export const openRefusal = (code: OpenCode, message: string, remedy: string): { readonly ok: false; readonly error: OpenRefusal } =>
  fail({ code, message, remedy });

/** Whose log it is, and who signs it. */
export interface Identity {
  readonly origin: string;
  readonly signer: Signer;
  /** Keys that signed this log before the signer did. */
  readonly formerKeys?: readonly LogKey[];
}

export function firstHead({ origin, signer }: Identity): Head {
  const root = emptyRoot();
  return { origin, size: 0, root, checkpoint: signCheckpoint({ origin, size: 0, root }, [signer]), batch: "0.0", nodes: 0, outbox: 0 };
}

function logKey({ name, publicKey }: Signer): LogKey {
  const key = parseVkey(vkey(name, publicKey));
  assert(key.ok, "a signer's key is a verifier key");
  return key.value;
}

/** All keys that may have signed the log. */
export const logOf = ({ origin, signer, formerKeys = [] }: Identity): { origin: string; keys: LogKey[] } => ({
  origin,
  keys: [logKey(signer), ...formerKeys],
});

/** Going on with another log's database, or under a key that nobody knows, would fork the log. */
export function headFault(head: Head, identity: Identity): ReturnType<typeof openRefusal> | undefined {
  const { origin, keys } = logOf(identity);
  if (head.origin !== origin) {
    return openRefusal(
      "wrong_origin",
      `the database holds the log ${head.origin}, not ${origin}`,
      "set the origin that the log was started with",
    );
  }
  const opened = openCheckpoint(head.checkpoint, keys, origin);
  if (!opened.ok && (opened.error.code === "note_untrusted" || opened.error.code === "key_not_valid")) {
    return openRefusal(
      "wrong_key",
      `the last checkpoint is not signed by this log's key: ${opened.error.message}`,
      "give the key that the log was signed with",
    );
  }
  const wrong = opened.ok ? opened.value.size !== head.size || !equalBytes(opened.value.root, head.root) : true;
  if (!wrong) return undefined;
  return openRefusal("store_corrupt", "the stored head and its signed checkpoint disagree", "run `pawl ledger fsck`");
}
