import { canonical, digestJson, digestOf, isDigest, isObject, ok, parseJson, refuse } from "../../core/base/index.ts";
import type { Digest, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { isOid, refFault } from "./names.ts";
import type { Identity } from "./types.ts";

const GIT_PAYLOAD = "pawl/git-payload/v1";

/** Exactly what is approved and executed: the tree that the branch will have, and the commit that brings it. */
export interface GitPayload {
  readonly schema: typeof GIT_PAYLOAD;
  readonly repository: string;
  readonly branch: string;
  readonly base_tree: string;
  readonly tree: string;
  /** SHA-256 over every changed path, mode and content: git's own ids are not relied on. */
  readonly changes: Digest;
  readonly message: string;
  readonly author: Identity;
  /** Digest of what follows the document, behind a line feed: the contents, sealed. Absent when nothing follows. */
  readonly carried?: Digest;
}

/** A payload's document, and what it carries. */
export interface Payload {
  readonly payload: GitPayload;
  readonly carried?: Uint8Array;
}

export function encodePayload(payload: GitPayload, carried?: Uint8Array): Uint8Array {
  if (carried === undefined) return Buffer.from(canonical(payload));
  return Buffer.concat([Buffer.from(`${canonical({ ...payload, carried: digestOf(carried) })}\n`), carried]);
}

/** What must still be true when it runs: the branch has the tree that the plan was made from. */
export const stateDigest = (repository: string, branch: string, tree: string): Digest =>
  digestJson({ schema: "pawl/git-state/v1", repository, branch, tree });

/** Payload bytes as they come back from the store: digest-checked by the caller, and read strictly all the same. */
export function decodePayload(bytes: Uint8Array): Result<Payload, Refusal<"git_payload_invalid">> {
  const end = bytes.indexOf(LINE_FEED);
  const document = decodeDocument(end < 0 ? bytes : bytes.subarray(0, end));
  if (!document.ok) return document;
  const carried = end < 0 ? undefined : bytes.subarray(end + 1);
  const digest = carried === undefined ? undefined : digestOf(carried);
  if (document.value.carried !== digest) return invalid("it carries something else than it says");
  return ok({ payload: document.value, ...(carried && { carried }) });
}

const LINE_FEED = 10;

const invalid = (why: string): { readonly ok: false; readonly error: Refusal<"git_payload_invalid"> } =>
  refuse("git_payload_invalid", `the payload is not a git payload: ${why}`, { remedy: "plan the change again" });

function decodeDocument(bytes: Uint8Array): Result<GitPayload, Refusal<"git_payload_invalid">> {
  const read = parseJson(bytes);
  if (!read.ok) return invalid(read.error.message);
  const value = read.value;
  if (!isObject(value)) return invalid("not an object");
  const text = (name: string, from: JsonObject = value): string => (typeof from[name] === "string" ? from[name] : "");
  const named = value["author"];
  const author = isObject(named) ? named : {};
  const payload: GitPayload = {
    schema: GIT_PAYLOAD,
    repository: text("repository"),
    branch: text("branch"),
    base_tree: text("base_tree"),
    tree: text("tree"),
    changes: text("changes") as Digest,
    message: text("message"),
    author: { name: text("name", author), email: text("email", author) },
    ...(value["carried"] === undefined ? {} : { carried: text("carried") as Digest }),
  };
  if (canonical(payload) !== new TextDecoder().decode(bytes)) return invalid("these are not the canonical bytes of one");
  if (!isOid(payload.base_tree) || !isOid(payload.tree) || !isDigest(payload.changes)) return invalid("an id is malformed");
  if (payload.repository === "" || refFault(payload.branch) !== undefined || payload.message === "") return invalid("a name is missing");
  return ok(payload);
}
