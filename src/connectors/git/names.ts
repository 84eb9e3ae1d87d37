/** Names that git, a file system or a command line could read as something else than they look. Pure. */

/** Code points that HFS+ ignores when it compares names: `.g\u200cit` is `.git` there. */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** True for `.git` and for every name that HFS+ or NTFS would open as `.git`. */
export function isDotGit(component: string): boolean {
  const folded = component.replace(HFS_IGNORED, "").toLowerCase();
  const short = folded.split(":", 1)[0]?.replace(/[. ]+$/, "") ?? "";
  return short === ".git" || short === "git~1";
}

/** Why a path inside a repository is refused, or nothing. */
export function pathFault(path: string): string | undefined {
  if (path === "") return "is empty";
  if (/[\n\r\0]/.test(path)) return "contains a line break or NUL";
  if (/\p{Cc}/u.test(path)) return "contains a control character";
  if (path.includes("\uFFFD") || !path.isWellFormed()) return "is not UTF-8";
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return "is absolute";
  if (path.includes("\\")) return "contains a backslash, which is a separator on other systems";
  if (Buffer.byteLength(path) > 4096) return "is longer than 4,096 bytes";
  for (const component of path.split("/")) {
    if (component === "" || component === ".") return "has an empty component";
    if (component === "..") return "leaves the repository with `..`";
    if (isDotGit(component)) return "names git's own directory";
    if (Buffer.byteLength(component) > 255) return "has a component longer than 255 bytes";
  }
  return undefined;
}

/** Why a branch or tag name is refused, or nothing: stricter than `git check-ref-format`, and ASCII only. */
export function refFault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (name.length > 200) return "is longer than 200 characters";
  if (name.startsWith("-")) return "begins with a dash, which a program would read as an option";
  if (!/^[A-Za-z0-9._/+@#=-]+$/.test(name)) return "has characters other than letters, digits and . _ / + @ # = -";
  if (name.includes("..") || name.includes("@{") || name === "@") return "has a meaning of its own to git";
  for (const component of name.split("/")) {
    if (component === "") return "has an empty component";
    if (component.startsWith(".") || component.startsWith("-")) return "has a component that begins with a dot or a dash";
    if (component.endsWith(".") || component.toLowerCase().endsWith(".lock")) return "has a component that ends with a dot or .lock";
  }
  return undefined;
}

/** The whole id of an object, as SHA-1 or SHA-256 repositories have it. */
export const isOid = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** Where a symbolic link leads, as a path of the repository; undefined when it leaves it, enters `.git`, or that cannot be told. */
export function linkTarget(path: string, target: string): string | undefined {
  if (target === "" || target.startsWith("/") || target.includes("\\") || /^[A-Za-z]:/.test(target)) return undefined;
  const at = path.split("/").slice(0, -1);
  let named = false;
  for (const component of target.split("/")) {
    if (component === "" || component === ".") continue;
    if (component === "..") {
      // What was named may be a link itself, and what lies above it is then somewhere else than the names say.
      if (named || at.pop() === undefined) return undefined;
    } else if (isDotGit(component)) return undefined;
    else {
      named = true;
      at.push(component);
    }
  }
  return at.join("/");
}

/** The form under which file systems that ignore case and normal form store a name; by way of capitals, so that `ſ` is `s` and `ß` is `ss`. */
export const folded = (path: string): string => path.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
