/** Reads where a patch goes, without applying it. What git itself makes of it is checked again in the resulting tree. Pure. */
import { decodeBinary } from "./binary-patch.ts";
import { pathFault } from "./names.ts";

export interface PatchFault {
  readonly line: number;
  readonly message: string;
}

export interface PatchShape {
  readonly paths: readonly string[];
  /** Text around the diffs, such as a mail's subject: words of the proposer. */
  readonly words: string;
  readonly faults: readonly PatchFault[];
  /** Content that the patch carries encoded, so that it is looked at like the rest. */
  readonly encoded: readonly { readonly line: number; readonly bytes: Uint8Array }[];
}

interface Reading {
  readonly lines: readonly string[];
  at: number;
  readonly paths: Set<string>;
  readonly words: string[];
  readonly faults: PatchFault[];
  readonly encoded: { line: number; bytes: Uint8Array }[];
  encodedLeft: number;
}

/** What all encoded parts of one patch may hold together. */
const ENCODED_BYTES = 32 * 1024 * 1024;

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
const NAMED = /^(---|\+\+\+|rename from|rename to|copy from|copy to) (.*)$/;
const MODE = /^(?:old mode|new mode|new file mode|deleted file mode) (\d+)$/;
const MODES = new Set(["100644", "100755", "120000", "160000"]);

export function readPatch(text: string): PatchShape {
  const reading: Reading = {
    lines: text.split("\n"),
    at: 0,
    paths: new Set(),
    words: [],
    faults: [],
    encoded: [],
    encodedLeft: ENCODED_BYTES,
  };
  let seen = false;
  while (reading.at < reading.lines.length) {
    const line = reading.lines[reading.at] ?? "";
    if (HUNK.test(line)) readHunk(reading, line);
    else if (line === "GIT binary patch") readBinary(reading);
    else {
      seen = readHeader(reading, line) || seen;
      reading.at += 1;
    }
  }
  if (!seen) reading.faults.push({ line: 1, message: "holds no file: a unified diff with `---` and `+++`, or a git diff, is expected" });
  return { paths: [...reading.paths].toSorted(), words: reading.words.join("\n").trim(), faults: reading.faults, encoded: reading.encoded };
}

/** True when the line names a file. */
function readHeader(reading: Reading, line: string): boolean {
  const fault = (message: string): void => void reading.faults.push({ line: reading.at + 1, message });
  const mode = MODE.exec(line)?.[1];
  if (mode !== undefined && !MODES.has(mode)) fault(`has the file mode ${mode}, which is none of git's`);
  if (line.startsWith("diff --git ")) {
    for (const name of gitNames(line.slice("diff --git ".length))) addPath(reading, name);
    return true;
  }
  const named = NAMED.exec(line);
  if (named !== null && (named[1] !== "---" || (reading.lines[reading.at + 1] ?? "").startsWith("+++ "))) {
    const prefixed = named[1] === "---" || named[1] === "+++";
    addPath(reading, headerName(named[2] ?? "", prefixed));
    return true;
  }
  if (!/^(index |similarity index |dissimilarity index |old mode |new mode |new file mode |deleted file mode |Binary files )/.test(line))
    reading.words.push(line);
  return false;
}

function addPath(reading: Reading, path: string | undefined): void {
  if (path === undefined) return;
  const why = pathFault(path);
  if (why === undefined) reading.paths.add(path);
  else reading.faults.push({ line: reading.at + 1, message: `names the path ${JSON.stringify(path.slice(0, 200))}, which ${why}` });
}

/** Steps over the lines that a hunk's header counts, so that content is never taken for a header. */
function readHunk(reading: Reading, header: string): void {
  const start = reading.at + 1;
  const counts = HUNK.exec(header);
  let before = Number(counts?.[1] ?? 1);
  let after = Number(counts?.[2] ?? 1);
  reading.at += 1;
  while (before > 0 || after > 0) {
    const line = reading.lines[reading.at];
    const sign = line === "" ? " " : line?.[0];
    if (line === undefined || !(sign === " " || sign === "-" || sign === "+" || sign === "\\")) {
      reading.faults.push({ line: start, message: "has a hunk with fewer lines than its header counts" });
      return;
    }
    if (sign === " " || sign === "-") before -= 1;
    if (sign === " " || sign === "+") after -= 1;
    reading.at += 1;
  }
  if ((reading.lines[reading.at] ?? "").startsWith("\\")) reading.at += 1;
}

/** A binary part is one or two blocks (forward and reverse), each a `literal` or `delta` line, encoded lines and a blank one. */
function readBinary(reading: Reading): void {
  reading.at += 1;
  while (/^(literal|delta) \d+$/.test(reading.lines[reading.at] ?? "")) {
    const start = reading.at + 1;
    const end = reading.lines.indexOf("", start);
    const block = reading.lines.slice(start, end < 0 ? undefined : end);
    const bytes = decodeBinary(block, reading.encodedLeft);
    if (bytes === undefined) reading.faults.push({ line: start, message: "has a binary part that cannot be decoded, or holds too much" });
    else reading.encoded.push({ line: start, bytes });
    reading.encodedLeft = Math.max(1, reading.encodedLeft - (bytes?.length ?? 0));
    reading.at = end < 0 ? reading.lines.length : end + 1;
  }
}

/** The name of a `---`, `+++`, `rename` or `copy` line; undefined for /dev/null. */
function headerName(text: string, prefixed: boolean): string | undefined {
  const raw = text.startsWith('"') ? (unquote(text)?.name ?? text) : (text.split("\t", 1)[0] ?? "").replace(/\r$/, "");
  if (raw === "/dev/null") return undefined;
  return prefixed ? withoutPrefix(raw) : raw;
}

/** git strips one component (`a/`, `b/`) and takes what follows as the path. */
function withoutPrefix(name: string): string {
  const cut = name.indexOf("/");
  return cut <= 0 ? name : name.slice(cut + 1);
}

/** Both names of a `diff --git` line. Unquoted names that hold spaces are only certain when both are equal. */
function gitNames(text: string): string[] {
  if (text.startsWith('"')) {
    const first = unquote(text);
    if (first === undefined) return [text];
    const rest = text.slice(first.length).trimStart();
    return [withoutPrefix(first.name), withoutPrefix(rest.startsWith('"') ? (unquote(rest)?.name ?? rest) : rest)];
  }
  const quoted = text.indexOf(' "');
  if (quoted > 0) return [withoutPrefix(text.slice(0, quoted)), withoutPrefix(unquote(text.slice(quoted + 1))?.name ?? text)];
  const half = (text.length - 1) / 2;
  const first = text.slice(0, half);
  if (Number.isInteger(half) && text[half] === " " && withoutPrefix(first) === withoutPrefix(text.slice(half + 1)))
    return [withoutPrefix(first)];
  const parts = text.split(" ");
  return parts.length === 2 ? parts.map(withoutPrefix) : [];
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };

/** A C-style quoted name at the start of the text, with the length it takes there. */
function unquote(text: string): { readonly name: string; readonly length: number } | undefined {
  const bytes: number[] = [];
  for (let i = 1; i < text.length; i += 1) {
    const c = text[i] ?? "";
    if (c === '"') return { name: Buffer.from(bytes).toString("utf8"), length: i + 1 };
    if (c !== "\\") {
      bytes.push(...Buffer.from(c));
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(i + 1, i + 4))?.[0];
    const plain = ESCAPES[text[i + 1] ?? ""];
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (plain !== undefined) bytes.push(plain);
    else return undefined;
    i += octal === undefined ? 1 : 3;
  }
  return undefined;
}
