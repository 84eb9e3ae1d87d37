import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readlink, realpath, rename, rm, stat, symlink, utimes } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { pipeline } from "node:stream/promises";
import { byText, canonical, digestOf, isObject, ok, parseJson, refuse } from "../../core/base/index.ts";
import type { Digest, Json, Refusal, Result } from "../../core/base/index.ts";
import { asideOf } from "../scratch.ts";
import { contentOf, write } from "./folders.ts";
import type { Configuration } from "./types.ts";

const MOST_FILES = 50_000;
const MOST_BYTES = 512 * 1024 * 1024;
/** Of one workspace. What is not kept any more is fetched again, and must be the same. */
const MOST_KEPT = 32;
const MANIFEST = "modules.json";

type ModulesCode = "terraform_modules_unreadable" | "terraform_modules_too_large" | "terraform_modules_link";

/** Terraform writes its list also where nothing was fetched. */
async function hasFetched(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).some((name) => name !== MANIFEST);
}

/** Their digest, the same for the same content whenever it was fetched; and a copy, where one is wanted. */
async function copyModules(from: string, to?: string): Promise<Result<Digest, Refusal<ModulesCode>>> {
  const copying = new Copying(from, to);
  const fault = await copying.folder("").catch((error: unknown) => unreadable((error as NodeJS.ErrnoException).code ?? "unknown"));
  return fault === undefined ? ok(digestOf(`pawl/terraform-modules/v1\n${copying.sums.join("\n")}`)) : { ok: false, error: fault };
}

const refusal = (code: ModulesCode, message: string, remedy: string): Refusal<ModulesCode> => ({ code, message, remedy });
const unreadable = (what: string): Refusal<ModulesCode> =>
  refusal("terraform_modules_unreadable", `the fetched modules cannot be read: ${what}`, "try again");

class Copying {
  readonly sums: string[] = [];
  readonly #from: string;
  readonly #to: string | undefined;
  #bytes = 0;

  constructor(from: string, to: string | undefined) {
    this.#from = from;
    this.#to = to;
  }

  /** `path` within the modules, `from` where it lies: elsewhere where Terraform links to a folder of this machine. */
  async folder(path: string, from = join(this.#from, path)): Promise<Refusal<ModulesCode> | undefined> {
    if (this.#to !== undefined) await mkdir(join(this.#to, path), { recursive: true, mode: 0o700 });
    const entries = (await readdir(from, { withFileTypes: true })).toSorted((a, b) => byText(a.name, b.name));
    for (const entry of entries) {
      // It tells when it was fetched, and no configuration reads it.
      if (entry.name === ".git") continue;
      const at = join(path, entry.name);
      const source = join(from, entry.name);
      const outright = entry.isSymbolicLink() && path === "" ? await realpath(source) : undefined;
      if (this.sums.length >= MOST_FILES || this.#bytes >= MOST_BYTES) return TOO_LARGE;
      const fault =
        entry.isDirectory() || outright !== undefined
          ? await this.#inner(at, outright ?? source)
          : entry.isSymbolicLink()
            ? await this.#link(at, await readlink(source))
            : await this.#file(at, source);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #inner(path: string, from: string): Promise<Refusal<ModulesCode> | undefined> {
    this.sums.push(`${JSON.stringify(path)} d`);
    return this.folder(path, from);
  }

  async #file(path: string, from: string): Promise<Refusal<ModulesCode> | undefined> {
    const content = await contentOf(from, MOST_BYTES - this.#bytes);
    if (content === undefined) return TOO_LARGE;
    this.#bytes += content.bytes.length;
    const meant = path === MANIFEST ? manifestOf(content.bytes) : content.bytes;
    if (meant === undefined) return unreadable(`${MANIFEST} is not as Terraform writes it`);
    this.sums.push(`${JSON.stringify(path)} ${content.executable ? "x" : "-"} ${digestOf(meant)}`);
    if (this.#to !== undefined) await write(join(this.#to, path), content.bytes, content.executable ? 0o700 : 0o600);
    return undefined;
  }

  /** What a link leads to is approved only where it is among the modules. Going up is only for its beginning: after a link, `..` leads anywhere. */
  async #link(path: string, target: string): Promise<Refusal<ModulesCode> | undefined> {
    const ups = /^(\.\.?\/)*/.exec(target)?.[0] ?? "";
    const leaves = target.startsWith("/") || /(^|\/)\.\.(\/|$)/.test(target.slice(ups.length));
    if (leaves || /^\.\.(\/|$)/.test(normalize(join(dirname(path), target))))
      return refusal(
        "terraform_modules_link",
        `${JSON.stringify(path)} of the fetched modules is a link that leads out of them`,
        "take a version of the module that holds the file itself",
      );
    this.sums.push(`${JSON.stringify(path)} l ${JSON.stringify(target)}`);
    if (this.#to !== undefined) await symlink(target, join(this.#to, path));
    return undefined;
  }
}

const TOO_LARGE = refusal(
  "terraform_modules_too_large",
  `the fetched modules have more than ${MOST_FILES} files or ${MOST_BYTES} bytes, or hold what is no file`,
  "take modules from packages that hold less beside them",
);

/** The list of modules, in one order. */
function manifestOf(bytes: Uint8Array): string | undefined {
  const read = parseJson(bytes);
  if (!read.ok || !isObject(read.value) || !Array.isArray(read.value["Modules"])) return undefined;
  const key = (one: Json): string => (isObject(one) && typeof one["Key"] === "string" ? one["Key"] : "");
  return canonical({ ...read.value, Modules: read.value["Modules"].toSorted((a, b) => byText(key(a), key(b))) });
}

/** Fetched modules by their digest, for as long as the plans that were made with them. */
export class KeptModules {
  readonly #dir: string;
  readonly #lifetimeMillis: number;

  constructor(dir: string, lifetimeSeconds: number) {
    this.#dir = dir;
    this.#lifetimeMillis = lifetimeSeconds * 1000;
  }

  #pathOf(digest: Digest): string {
    return join(this.#dir, digest.slice("sha256:".length));
  }

  /** Puts them where Terraform looks before it fetches. Where they are not what they were, it fetches. */
  async place(digest: Digest, to: string): Promise<void> {
    const placed = await copyModules(this.#pathOf(digest), to);
    if (!placed.ok || placed.value !== digest) await rm(to, { recursive: true, force: true });
  }

  async keep(digest: Digest, from: string, now: number): Promise<void> {
    const kept = this.#pathOf(digest);
    const there = await copyModules(kept);
    if (there.ok && there.value === digest) return utimes(kept, now / 1000, now / 1000);
    const aside = asideOf(kept);
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await copyModules(from, aside);
    await utimes(aside, now / 1000, now / 1000);
    await rm(kept, { recursive: true, force: true });
    await rename(aside, kept).catch(() => rm(aside, { recursive: true, force: true }));
  }

  async sweep(now: number): Promise<void> {
    const found: { readonly path: string; readonly at: number }[] = [];
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const path = join(this.#dir, name);
      const seen = await stat(path).catch(() => undefined);
      if (seen !== undefined) found.push({ path, at: seen.mtimeMs });
    }
    const late = found.filter(({ at }) => now - at > this.#lifetimeMillis);
    const many = found.toSorted((a, b) => b.at - a.at).slice(MOST_KEPT);
    for (const { path } of new Set([...late, ...many])) await rm(path, { recursive: true, force: true });
  }
}

/** What the session works with from here on: fetched modules as anybody else would have fetched them, and their digest. */
export async function settleModules(data: string): Promise<Result<Digest | undefined>> {
  const folder = join(data, "modules");
  if (!(await hasFetched(folder))) return ok(undefined);
  const fetched = join(data, "fetched");
  await rename(folder, fetched);
  const digest = await copyModules(fetched, folder);
  await rm(fetched, { recursive: true, force: true });
  return digest;
}

/** Of each file of the providers that Terraform put ready, wherever it links to. */
export async function digestOfProviders(folder: string): Promise<Digest | undefined> {
  const sums: string[] = [];
  const visit = async (path: string, from: string): Promise<void> => {
    const names = await readdir(from).catch(() => []);
    for (const name of names.toSorted(byText)) {
      const at = join(from, name);
      if ((await stat(at)).isDirectory()) await visit(join(path, name), at);
      else sums.push(`${JSON.stringify(join(path, name))} ${await digestOfLarge(at)}`);
    }
  };
  await visit("", folder);
  return sums.length === 0 ? undefined : digestOf(`pawl/terraform-providers/v1\n${sums.join("\n")}`);
}

async function digestOfLarge(path: string): Promise<string> {
  const sum = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), sum);
  return sum.digest("hex");
}

export type Fetched = Pick<Configuration, "modules" | "providers">;

/** What was approved is applied with the very same modules and programs, or not at all. */
export function sameFetched(approved: Fetched, found: Fetched): Result<void> {
  const differ = (["modules", "providers"] as const).find((what) => approved[what] !== found[what]);
  if (differ === undefined) return ok(undefined);
  const remedy = {
    modules: "plan the change again; a module that a branch names moves with it: name a version or a commit",
    providers: "find out who replaced a provider, and plan the change again; let the lock file hold checksums of this platform",
  };
  return refuse(
    `terraform_${differ}_differ`,
    `the ${differ} that the configuration takes from elsewhere are not those that it was planned with`,
    {
      remedy: remedy[differ],
      details: { expected: approved[differ] ?? "none", observed: found[differ] ?? "none" },
    },
  );
}
