/**
 * What lets a node run what another planned: the payload carries, sealed, the new contents and where they go, so that the approved
 * tree is made again from the base tree. Nothing of it is believed: the result must have the approved id.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonical, fail, ok, parseJson, refuse } from "../../core/base/index.ts";
import type { Json, Refusal, Result } from "../../core/base/index.ts";
import type { ExecuteContext } from "./execute.ts";
import { gitFault } from "./mirror.ts";
import type { MirrorCode } from "./mirror.ts";
import { isOid } from "./names.ts";
import type { ObjectReader } from "./objects.ts";
import { succeeded } from "./process.ts";
import { openQuarantine, stagedTree } from "./result-tree.ts";
import type { Quarantine, ResultCode } from "./result-tree.ts";
import type { TreeChange } from "./types.ts";

/** Without paths and bytes, what a payload may hold beside the contents: many long names. */
const LIST_BYTES = 2 * 1024 * 1024;

interface Carried {
  /** Path, mode and id of each changed path; the last two empty for one that goes. */
  readonly entries: readonly (readonly [path: string, mode: string, oid: string])[];
  /** Ids and sizes of the contents, in the order in which their bytes follow. */
  readonly contents: readonly (readonly [oid: string, size: number])[];
}

/** The contents that the base tree does not hold. Undefined when they are more than a payload takes: then only this mirror has the tree. */
export async function carry(
  objects: ObjectReader,
  changes: readonly TreeChange[],
  maxBytes: number,
  secretKey: Uint8Array,
): Promise<Uint8Array | undefined> {
  const had = new Set(changes.map(({ before }) => before?.oid));
  const fresh = changes.flatMap(({ after }) => (after === undefined || after.mode === "160000" || had.has(after.oid) ? [] : [after]));
  const sides = [...new Map(fresh.map((side) => [side.oid, side])).values()];
  if (sides.reduce((sum, { size }) => sum + size, 0) > maxBytes) return undefined;
  const parts: Uint8Array[] = [];
  for (const side of sides) {
    const bytes = side.bytes ?? (await objects.content(side.oid, side.size))?.bytes;
    if (bytes === undefined) return undefined;
    parts.push(bytes);
  }
  const carried: Carried = {
    entries: changes.map(({ path, after }) => [path, after?.mode ?? "", after?.oid ?? ""] as const),
    contents: sides.map(({ oid, size }) => [oid, size] as const),
  };
  const list = Buffer.from(`${canonical(carried as unknown as Json)}\n`);
  return list.length > LIST_BYTES ? undefined : seal(Buffer.concat([list, ...parts]), secretKey);
}

const TAG_BYTES = 32;
const sealingKey = (secretKey: Uint8Array): Buffer => createHmac("sha256", secretKey).update("pawl/git-carried/v1").digest();
const tagOf = (plain: Uint8Array, key: Buffer): Buffer => createHmac("sha256", key).update(plain).digest();

/**
 * Unreadable without the deployment's key: files may hold what the plan hides. The same content has the same seal on every node,
 * since the tag over it is also where the cipher starts; a plan that is made again is the same plan.
 */
export function seal(plain: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const key = sealingKey(secretKey);
  const tag = tagOf(plain, key);
  const cipher = createCipheriv("aes-256-ctr", key, tag.subarray(0, 16));
  return Buffer.concat([tag, cipher.update(plain), cipher.final()]);
}

function unseal(sealed: Uint8Array, secretKey: Uint8Array): Buffer | undefined {
  const key = sealingKey(secretKey);
  const tag = sealed.subarray(0, TAG_BYTES);
  if (tag.length < TAG_BYTES) return undefined;
  const cipher = createDecipheriv("aes-256-ctr", key, tag.subarray(0, 16));
  const plain = Buffer.concat([cipher.update(sealed.subarray(TAG_BYTES)), cipher.final()]);
  return timingSafeEqual(tagOf(plain, key), tag) ? plain : undefined;
}

type RebuildCode = ResultCode | MirrorCode | "git_tree_missing" | "git_content_differs" | "git_key_differs";

/** Makes the approved tree again and keeps it, or leaves nothing behind. */
export async function rebuild(context: ExecuteContext): Promise<Result<void, Refusal<RebuildCode>>> {
  const { mirror, payload, carried: sealed, secretKey, pin, signal } = context;
  if (sealed === undefined) {
    return refuse("git_tree_missing", "the approved tree is not in this node's mirror, and its payload does not carry it", {
      remedy: "plan the change again, and let the node that planned it run it; or split it",
    });
  }
  const opened = openCarried(sealed, secretKey);
  if (!opened.ok) return opened;
  const quarantine = await openQuarantine(mirror.dir);
  try {
    const written = await writeContents(context, quarantine, opened.value);
    if (!written.ok) return written;
    const tree = await stagedTree(mirror, quarantine, payload.base_tree, opened.value.carried.entries, signal);
    if (!tree.ok) return tree;
    if (tree.value !== payload.tree) return differs(`the carried content makes the tree ${tree.value}`);
    await quarantine.admit();
    const pinned = await mirror.run({ args: ["update-ref", pin, payload.tree], signal });
    return succeeded(pinned) ? ok(undefined) : gitFault(pinned, "git_failed", "cannot keep the approved tree", "check the work directory");
  } finally {
    await quarantine.discard();
  }
}

const differs = (why: string): { readonly ok: false; readonly error: Refusal<"git_content_differs"> } =>
  fail({
    code: "git_content_differs",
    message: `what the payload carries is not what was approved: ${why}`,
    remedy: "plan the change again",
  });

interface Opened {
  readonly carried: Carried;
  readonly contents: readonly Uint8Array[];
}

function openCarried(sealed: Uint8Array, secretKey: Uint8Array): Result<Opened, Refusal<RebuildCode>> {
  const plain = unseal(sealed, secretKey);
  if (plain === undefined) {
    return refuse("git_key_differs", "what the payload carries cannot be opened: it was sealed with another key, or altered", {
      remedy: "give all nodes the same keys/secret.hex, then plan the change again",
    });
  }
  const end = plain.indexOf(10);
  const read = parseJson(plain.subarray(0, Math.max(0, end)), { bytes: LIST_BYTES });
  if (!read.ok) return differs(read.error.message);
  const carried = read.value as unknown as Carried;
  if (!isCarried(carried)) return differs("its list is malformed");
  const contents: Uint8Array[] = [];
  let at = end + 1;
  for (const [, size] of carried.contents) contents.push(plain.subarray(at, (at += size)));
  return at === plain.length ? ok({ carried, contents }) : differs("its list names another length");
}

/** Paths are left to git, which takes none that leaves the repository. */
function isCarried({ entries, contents }: Partial<Carried>): boolean {
  const isEntry = ([path, mode, oid]: readonly unknown[]): boolean => {
    const goes = mode === "" && oid === "";
    const comes = /^(100644|100755|120000|160000)$/.test(String(mode)) && isOid(String(oid));
    return typeof path === "string" && path !== "" && !path.includes("\0") && (goes || comes);
  };
  const isContent = ([oid, size]: readonly unknown[]): boolean => isOid(String(oid)) && Number.isSafeInteger(size) && Number(size) >= 0;
  return Array.isArray(entries) && Array.isArray(contents) && entries.every(isEntry) && contents.every(isContent);
}

/** By one git process, from files whose names are ours; git says what each content's id is. */
async function writeContents(
  { mirror, signal }: ExecuteContext,
  quarantine: Quarantine,
  { carried, contents }: Opened,
): Promise<Result<void, Refusal<RebuildCode>>> {
  if (contents.length === 0) return ok(undefined);
  const dir = join(quarantine.dir, "contents");
  await mkdir(dir);
  const paths = contents.map((_, n) => join(dir, String(n)));
  for (const [n, bytes] of contents.entries()) await writeFile(paths[n] ?? "", bytes, { mode: 0o600 });
  const args = ["hash-object", "-w", "--no-filters", "-t", "blob", "--stdin-paths"];
  const done = await mirror.run({ args, env: quarantine.env, input: `${paths.join("\n")}\n`, signal });
  if (!succeeded(done)) return gitFault(done, "git_failed", "cannot write the carried content", "check the work directory");
  const made = done.stdout.toString("latin1").trim().split("\n");
  const same = carried.contents.every(([oid], n) => made[n] === oid) && made.length === carried.contents.length;
  return same ? ok(undefined) : differs("a content has another id");
}
