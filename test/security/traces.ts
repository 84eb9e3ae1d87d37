/** Looks for a secret in whatever form it could have been written down. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The text itself, in hexadecimal, and as it stands inside base64 at each of the three places it can begin. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString("hex");
  const inBase64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
    // What the neighbours of the secret decide is cut off.
    return text.slice(shift === 0 ? 0 : 4, Math.floor(((shift + bytes.length) * 4) / 3) - 1);
  });
  return [secret, hex, hex.toUpperCase(), ...inBase64, ...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** Names of secrets that stand in these bytes. */
export function found(secrets: Readonly<Record<string, string>>, bytes: Buffer | string): readonly string[] {
  const text = typeof bytes === "string" ? bytes : bytes.toString("latin1");
  return Object.entries(secrets).flatMap(([name, secret]) => (formsOf(secret).some((form) => text.includes(form)) ? [name] : []));
}

function* filesBelow(folder: string, except: readonly string[] = []): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (except.includes(path)) continue;
    if (statSync(path).isDirectory()) yield* filesBelow(path, except);
    else yield path;
  }
}

export const foundBelow = (folder: string, secrets: Readonly<Record<string, string>>, except: readonly string[] = []): readonly string[] =>
  [...filesBelow(folder, except)].flatMap((path) => found(secrets, readFileSync(path)).map((name) => `${name} in ${path}`));
