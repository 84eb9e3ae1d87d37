import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { byText, canonical, digestOf, keyedDigestOf, ok, parseJson, refuse } from "../../core/base/index.ts";
import type { Digest, Json, JsonObject, KeyedDigest, Refusal, Result } from "../../core/base/index.ts";
import { asideOf } from "../scratch.ts";

const MOST_FILES = 20_000;
const MOST_BYTES = 256 * 1024 * 1024;
/** What Terraform and git keep beside a configuration is no part of it. */
const LEFT_OUT = /^(\.terraform|\.git|\.hg|\.svn|crash\.log|.*\.tfstate(\..*)?|.*\.tfplan)$/;

type FolderCode = "terraform_source_unreadable" | "terraform_source_too_large" | "terraform_source_link";

/** Copies the regular files of a folder, and answers with the digest of what was copied. */
export async function copyFolder(from: string, to: string): Promise<Result<Digest, Refusal<FolderCode>>> {
  const sums: string[] = [];
  let bytes = 0;
  const visit = async (path: string): Promise<Refusal<FolderCode> | undefined> => {
    await mkdir(join(to, path), { recursive: true, mode: 0o700 });
    for (const entry of (await readdir(join(from, path), { withFileTypes: true })).toSorted((a, b) => byText(a.name, b.name))) {
      if (LEFT_OUT.test(entry.name)) continue;
      const at = join(path, entry.name);
      if (entry.isDirectory()) {
        const fault = await visit(at);
        if (fault !== undefined) return fault;
        continue;
      }
      if (!entry.isFile()) return linkFault(at);
      const content = await contentOf(join(from, at), MOST_BYTES - bytes);
      if (content === undefined) return linkFault(at);
      bytes += content.bytes.length;
      if (
        sums.push(`${JSON.stringify(at)} ${content.executable ? "x" : "-"} ${digestOf(content.bytes)}`) > MOST_FILES ||
        bytes >= MOST_BYTES
      )
        return {
          code: "terraform_source_too_large",
          message: `the folder has more than ${MOST_FILES} files or ${MOST_BYTES} bytes`,
          remedy: REMEDY,
        };
      await write(join(to, at), content.bytes, content.executable ? 0o700 : 0o600);
    }
    return undefined;
  };
  const fault = await visit("").catch((error: unknown) => unreadable(from, error));
  return fault === undefined ? ok(digestOf(`pawl/terraform-folder/v1\n${sums.join("\n")}`)) : { ok: false, error: fault };
}

const REMEDY = "keep in it what the configuration needs, and nothing else";
const linkFault = (path: string): Refusal<FolderCode> => ({
  code: "terraform_source_link",
  message: `${JSON.stringify(path)} is a link, or no regular file`,
  remedy: "put the file itself there",
});
const unreadable = (path: string, error: unknown): Refusal<FolderCode> => ({
  code: "terraform_source_unreadable",
  message: `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`,
  remedy: "check the source of the workspace in the settings",
});

/** One descriptor is opened, and what it reads is what counts: a link put in its place meanwhile is not followed. */
export async function contentOf(path: string, most: number): Promise<{ readonly bytes: Buffer; readonly executable: boolean } | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const seen = await file.stat();
    if (!seen.isFile() || seen.size > most) return undefined;
    return { bytes: await file.readFile(), executable: (seen.mode & 0o100) !== 0 };
  } finally {
    await file.close();
  }
}

/** Readable to nobody else, and never through a name that somebody made first. */
export async function write(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

/** Plan files, by the digest of their bytes. They hold secrets: readable to Pawl alone, and gone after a time. */
export class KeptPlans {
  readonly #dir: string;
  readonly #key: Uint8Array;
  readonly #lifetimeMillis: number;

  constructor(dir: string, key: Uint8Array, lifetimeSeconds: number) {
    this.#lifetimeMillis = lifetimeSeconds * 1000;
    this.#dir = dir;
    this.#key = key;
  }

  /** Where an equal plan is kept already, that one: what was approved stays what is asked for. */
  async keep(planFile: string, identity: string, now: number): Promise<Result<KeyedDigest>> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const bytes = (await contentOf(planFile, MOST_PLAN))?.bytes;
    if (bytes === undefined) return refuse("terraform_failed", "the plan file cannot be read", { remedy: "plan the change again" });
    const name = keyedDigestOf(this.#key, `pawl/terraform-kept/v1\n${identity}`).slice("hmac-sha256:".length);
    const index = join(this.#dir, `${name}.same`);
    const earlier = await this.#earlier(index, now);
    if (earlier !== undefined) return ok(earlier);
    const digest = this.digestOf(bytes);
    await this.#place(this.#pathOf(digest), bytes);
    await this.#place(index, Buffer.from(digest));
    return ok(digest);
  }

  async #earlier(index: string, now: number): Promise<KeyedDigest | undefined> {
    const text = (await contentOf(index, 1_000))?.bytes.toString("latin1") ?? "";
    if (!/^hmac-sha256:[0-9a-f]{64}$/.test(text)) return undefined;
    const digest = text as KeyedDigest;
    const kept = await contentOf(this.#pathOf(digest), MOST_PLAN);
    if (kept === undefined || this.digestOf(kept.bytes) !== digest) return undefined;
    for (const path of [index, this.#pathOf(digest)]) await utimes(path, now / 1000, now / 1000);
    return digest;
  }

  /** Written aside and renamed, so that nobody meets half of it. */
  async #place(path: string, bytes: Uint8Array): Promise<void> {
    const aside = asideOf(path);
    await write(aside, bytes, 0o600);
    await rename(aside, path);
  }

  digestOf(bytes: Uint8Array): KeyedDigest {
    return keyedDigestOf(this.#key, Buffer.concat([Buffer.from("pawl/terraform-plan-file/v1\n"), bytes]));
  }

  #pathOf(digest: KeyedDigest): string {
    return join(this.#dir, `${digest.slice("hmac-sha256:".length)}.tfplan`);
  }

  /** Puts the kept plan at `path`: read once, by one descriptor, judged, and written to a file of our own. */
  async take(digest: KeyedDigest, path: string): Promise<Result<void, Refusal<"terraform_plan_gone" | "terraform_plan_differs">>> {
    const kept = await contentOf(this.#pathOf(digest), MOST_PLAN);
    if (kept === undefined)
      return refuse("terraform_plan_gone", "the plan that was approved is not kept here any more, or was made on another runner", {
        remedy: "plan the change again",
      });
    if (this.digestOf(kept.bytes) !== digest)
      return refuse("terraform_plan_differs", "the kept plan file is not the one that was approved", {
        remedy: "find out who wrote to the work folder, and plan the change again",
      });
    await write(path, kept.bytes, 0o600);
    return ok(undefined);
  }

  async drop(digest: KeyedDigest): Promise<void> {
    await rm(this.#pathOf(digest), { force: true });
  }

  /** Removes what is older than it may be. */
  async sweep(now: number): Promise<void> {
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const path = join(this.#dir, name);
      const seen = await stat(path).catch(() => undefined);
      if (seen !== undefined && now - seen.mtimeMs > this.#lifetimeMillis) await rm(path, { force: true });
    }
  }
}

const MOST_PLAN = 512 * 1024 * 1024;

/** Contents of folders, by digest, so that what was planned can still be planned when its folder has moved on. */
export async function keepCopy(home: string, digest: Digest, from: string, now: number): Promise<void> {
  const kept = join(home, digest.slice("sha256:".length));
  await mkdir(home, { recursive: true, mode: 0o700 });
  await sweepCopies(home, now);
  if ((await stat(kept).catch(() => undefined)) !== undefined) return utimes(kept, now / 1000, now / 1000);
  const aside = asideOf(kept);
  await copyFolder(from, aside);
  // Somebody else may have been quicker with the same content.
  await rename(aside, kept).catch(() => rm(aside, { recursive: true, force: true }));
}

const COPY_MILLIS = 90 * 86_400_000;

/** What nothing was planned with for so long leads nowhere any more. */
async function sweepCopies(home: string, now: number): Promise<void> {
  for (const name of await readdir(home)) {
    const seen = await stat(join(home, name)).catch(() => undefined);
    if (seen !== undefined && now - seen.mtimeMs > COPY_MILLIS) await rm(join(home, name), { recursive: true, force: true });
  }
}

/** A short name for a text that is no name of a file. */
export const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 24);

/** Small facts of our own beside the plans; what cannot be read is not there. */
export async function remember(path: string, value: JsonObject): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const aside = asideOf(path);
  await write(aside, Buffer.from(canonical(value)), 0o600);
  await rename(aside, path);
}

export async function recall(path: string): Promise<Json | undefined> {
  const content = await contentOf(path, 1024 * 1024);
  const read = content === undefined ? undefined : parseJson(content.bytes);
  return read?.ok === true ? read.value : undefined;
}
