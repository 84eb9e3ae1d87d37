/** Secrets are planted wherever somebody could put one, a whole story is told through a real Pawl, and then everything is searched. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { commitOutOfBand, createSampleRepository } from "../../src/sample-repository.ts";
import { CART, pawl, type Ran } from "../cli/world.ts";
import { found, foundBelow } from "./traces.ts";

const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");
const letters = (length: number): string =>
  [...randomBytes(length)].map((byte) => "ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"[byte % 54]).join("");

/** In the form of a credential that everybody knows, so that scanners must know it too. */
const github = (): string => `ghp_${letters(36)}`;

const SECRETS = {
  environment: `canary-${letters(24)}`,
  "a marked value of a proposal": `canary-${letters(24)}`,
  "the patch": github(),
  "the title": github(),
  "a comment": github(),
  "a reason": github(),
  "a committed file": github(),
  "the check's output": github(),
};

interface World {
  readonly dir: string;
  readonly repository: string;
  readonly output: { text: string };
  readonly url: string;
  readonly as: (name: string, stdin: string, ...argv: string[]) => Promise<Ran>;
  readonly stop: () => Promise<void>;
}

/** The repository's check prints a secret when it fails, as tools do. */
const CHECK = `import { total } from "./src/cart.js";
import { readFileSync } from "node:fs";
console.log(readFileSync(new URL("./settings.env", import.meta.url), "utf8"));
console.error("token in use:", process.env.CANARY ?? "none", "${SECRETS["the check's output"]}");
if (total([{ price: 2, count: 3 }]) !== 6) process.exit(1);
`;

async function start(t: TestContext): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), "pawl-canary-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const repository = join(dir, "shop.git");
  await createSampleRepository(repository);
  await commitOutOfBand(repository, "settings", {
    "check.js": CHECK,
    "settings.env": `REGION=eu\nTOKEN=${SECRETS["a committed file"]}\nDEBUG=0\n`,
  });
  const config = {
    data_dir: "data",
    listen: { port: 0 },
    repositories: [{ name: "shop", url: "./shop.git", environment: "production", verify: { argv: [process.execPath, "check.js"] } }],
  };
  writeFileSync(join(dir, "pawl.yaml"), JSON.stringify(config));
  const env = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    NO_COLOR: "1",
    CANARY: SECRETS.environment,
    PAWL_CANARY: SECRETS.environment,
  };
  const child = spawn(process.execPath, [BIN, "up"], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const output = { text: "" };
  const { promise, resolve: ready } = Promise.withResolvers<string>();
  for (const pipe of [child.stdout, child.stderr])
    pipe.setEncoding("utf8").on("data", (text: string) => {
      output.text += text;
      const url = /Pawl runs at (\S+)[^]*Stop with/.exec(output.text)?.[1];
      if (url !== undefined) ready(url);
    });
  const url = await promise;
  return {
    dir,
    repository,
    output,
    url,
    as: (name, stdin, ...argv) =>
      pawl({ cwd: dir, env: { PAWL_URL: url }, stdin, width: 200 }, ...argv, ...(name === "" ? [] : ["--as", name])),
    stop: async () => {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

const FLAGS = ["--repo", "shop", "--branch", "main", "--patch", "-", "--wait", "--quiet"];

const patchOf = (path: string, before: string, after: string, context: readonly [string, string]): string =>
  `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1,3 +1,3 @@\n ${context[0]}\n-${before}\n+${after}\n ${context[1]}\n`;

/** Proposes what must be refused, and what may pass, as people and agents would; answers with all that they were told. */
async function story({ as, url, dir }: World, me: string): Promise<string[]> {
  const told: string[] = [];
  const tell = async (name: string, stdin: string, ...argv: string[]): Promise<Ran> => {
    const ran = await as(name, stdin, ...argv);
    told.push(ran.out, ran.err);
    return ran;
  };
  const refused = async (why: string, ...argv: Parameters<typeof tell>): Promise<void> => {
    assert.equal((await tell(...argv)).code, 1, why);
  };
  const first = await tell("sandbox", CART, "propose", "--title", "Round totals", ...FLAGS);
  assert.equal(first.code, 0, first.err);
  const id = first.out.trim();
  await refused("a title", "sandbox", CART, "propose", "--title", `use ${SECRETS["the title"]}`, ...FLAGS);
  const leaking = patchOf("docs/guide.md", "", `key: ${SECRETS["the patch"]}`, ["# Guide", "1. Put something in the cart."]);
  await refused("a patch", "sandbox", leaking, "propose", "--title", "Leak", ...FLAGS);
  await refused("a reason", me, "", "send-back", id, "--reason", `not with ${SECRETS["a reason"]}`);
  await refused("a comment", me, "", "approve", id, "--yes", "--comment", `fine, ${SECRETS["a comment"]}`);
  await tell(me, "", "show", id);
  assert.equal((await tell(me, "", "approve", id, "--yes", "--wait")).code, 0);
  const token = readFileSync(join(dir, "data/tokens/sandbox"), "utf8").trim();
  const marked = {
    connector: "git",
    input: { repository: "shop", branch: "main", patch: { $secret: SECRETS["a marked value of a proposal"] } },
  };
  const raw = await fetch(`${url}/v1/changes`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": SECRETS["a marked value of a proposal"],
    },
    body: JSON.stringify({ title: "Marked", steps: [marked] }),
  });
  told.push(await raw.text());
  // What stands in the repository already, beside and in what a change touches.
  const beside = `diff --git a/settings.env b/settings.env\n--- a/settings.env\n+++ b/settings.env\n@@ -3 +3 @@\n-DEBUG=0\n+DEBUG=1\n`;
  const second = await tell("sandbox", beside, "propose", "--title", "Debug", ...FLAGS);
  if (second.code === 0) {
    await tell(me, "", "show", second.out.trim());
    await tell(me, "", "approve", second.out.trim(), "--yes", "--wait");
  }
  // The check fails, prints, and the change is undone.
  const broken = CART.replace("Math.round(sum * 100) / 100", "sum + 1");
  await tell("sandbox", broken, "propose", "--title", "Break", ...FLAGS);
  return told;
}

async function everythingReadable({ as, dir, url }: World, me: string): Promise<string[]> {
  const token = readFileSync(join(dir, "data/tokens", me), "utf8").trim();
  const get = async (path: string): Promise<string> =>
    (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })).text();
  const { changes: items = [] } = JSON.parse(await get("/v1/changes")) as { changes?: readonly { readonly id: string }[] };
  assert.ok(items.length >= 2, "there is something to look at");
  const paths = items.flatMap(({ id }) => ["", "/plan", "/events", "/grant"].map((part) => `/v1/changes/${id}${part}`));
  const fixed = ["policy", "directory", "whoami", "tokens", "ledger/head", "ledger/entries", "health", "openapi.json"].map(
    (name) => `/v1/${name}`,
  );
  const read = await Promise.all([...paths, ...fixed, "/checkpoint", "/"].map(get));
  const said = await Promise.all([
    as(me, "", "list"),
    as(me, "", "ledger", "tail"),
    as(me, "", "doctor"),
    as("", "", "ledger", "export", "copy"),
  ]);
  return [...read, ...said.map(({ out, err }) => out + err)];
}

test("[K78] [GI-37] secrets that were planted everywhere are in no ledger, answer, log, export or copy of the database", async (t) => {
  const world = await start(t);
  const [me = ""] = readdirSync(join(world.dir, "data/tokens")).filter((name) => name !== "sandbox");
  const told = [...(await story(world, me)), ...(await everythingReadable(world, me))];
  await world.stop();
  const data = join(world.dir, "data");
  const tokens = Object.fromEntries(
    readdirSync(join(data, "tokens")).map((name) => [`token of ${name}`, readFileSync(join(data, "tokens", name), "utf8").trim()]),
  );
  const keys = Object.fromEntries(
    ["log.pem", "grant.pem", "runner.pem", "secret.hex"].map((name) => [
      name,
      readFileSync(join(data, "keys", name), "utf8")
        .split("\n")
        .toSorted((a, b) => b.length - a.length)[0] ?? "",
    ]),
  );
  const secrets = { ...SECRETS, ...tokens, ...keys };
  for (const text of [...told, world.output.text]) assert.deepEqual(found(secrets, text), [], text.slice(0, 2_000));
  // The keys and tokens themselves, and the mirror of the repository, which is as secret as the repository.
  const own = ["keys", "tokens", "work"].map((name) => join(data, name));
  assert.deepEqual(foundBelow(data, secrets, own), []);
  assert.deepEqual(foundBelow(join(world.dir, "copy"), secrets), []);
  const db = new DatabaseSync(join(data, "pawl.db"));
  db.exec(`VACUUM INTO '${join(world.dir, "backup.db")}'`);
  db.close();
  assert.deepEqual(found(secrets, readFileSync(join(world.dir, "backup.db"))), []);
});

test("the search finds what it looks for, in each form", () => {
  const secret = { it: "canary-secret-value" };
  for (const text of [
    `a${secret.it}b`,
    Buffer.from(`x${secret.it}`).toString("hex"),
    Buffer.from(`${secret.it}yy`).toString("base64"),
    Buffer.from(`1${secret.it}`).toString("base64"),
    Buffer.from(`12${secret.it}345`).toString("base64url"),
  ])
    assert.deepEqual(found(secret, text), ["it"], text);
  assert.deepEqual(found(secret, "canary-secret"), []);
});
