import { mkdir } from "node:fs/promises";
import { execa } from "execa";

/** A small shop with owners: what a newcomer proposes changes to, in the first run and in the demo. */
export const SAMPLE_FILES: Readonly<Record<string, string>> = {
  "README.md": "# Shop\n\nA small shop, to try Pawl with.\n\nRun it with `node src/cart.js`.\n",
  "docs/guide.md": "# Guide\n\n1. Put something in the cart.\n2. Sign in.\n3. Pay.\n",
  ".github/CODEOWNERS": "* @shop/maintainers\n/src/auth/ @shop/identity\n",
  "package.json": `${JSON.stringify({ name: "shop", version: "1.0.0", type: "module", scripts: { check: "node check.js" } }, null, 2)}\n`,
  "check.js":
    'import { total } from "./src/cart.js";\n\nif (total([{ price: 2, count: 3 }]) !== 6) {\n  console.error("total is wrong");\n  process.exit(1);\n}\nconsole.log("total is right");\n',
  "src/cart.js": "export function total(items) {\n  return items.reduce((sum, item) => sum + item.price * item.count, 0);\n}\n",
  "src/auth/session.js":
    'import { timingSafeEqual } from "node:crypto";\n\nexport const MAX_AGE_SECONDS = 3600;\n\nexport function signedIn(session, token, now) {\n  if (session === undefined || now - session.createdAt > MAX_AGE_SECONDS) return false;\n  return timingSafeEqual(Buffer.from(session.token), Buffer.from(token));\n}\n',
};

/** Makes a bare repository with one commit on `main`, by one `git fast-import`; no configuration of the user's is read. */
export async function createSampleRepository(path: string, files: Readonly<Record<string, string>> = SAMPLE_FILES): Promise<void> {
  await mkdir(path, { recursive: true });
  await git(path, ["init", "--quiet", "--bare", "--initial-branch=main", "."]);
  await git(path, ["fast-import", "--quiet"], fastImport(files));
}

/** Puts a commit with these files on top of `main`, as somebody who does not go through Pawl would. */
export async function commitOutOfBand(path: string, message: string, files: Readonly<Record<string, string>>): Promise<void> {
  await git(path, ["fast-import", "--quiet"], fastImport(files, message, "refs/heads/main^0"));
}

function fastImport(files: Readonly<Record<string, string>>, message = "first version of the shop", from?: string): string {
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const blobs = Object.entries(files).map(([name, text]) => `M 100644 inline ${name}\n${data(text)}`);
  const author = "Shop <shop@example.com> 1700000000 +0000";
  return `commit refs/heads/main\nauthor ${author}\ncommitter ${author}\n${data(message)}${from === undefined ? "" : `from ${from}\n`}${blobs.join("")}\ndone\n`;
}

async function git(cwd: string, args: readonly string[], input?: string): Promise<void> {
  const env = {
    PATH: process.env["PATH"],
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
  await execa("git", args, { cwd, env, extendEnv: false, ...(input === undefined ? { stdin: "ignore" } : { input }) });
}
