/**
 * A scenario is a transcript: what somebody types, and what the command line answers. It is run again line by line, and what
 * comes out must be what stands there. Names that differ from run to run are numbered in the order in which they are met, so
 * that `chg_1` in a line that is typed is the change that was answered as `chg_1` before.
 */

/** `linus$ pawl approve chg_1 --yes`: who types what. Everything up to the next such line is the answer; `#` begins a remark. */
const TYPED = /^([a-z]+)\$ (.+)$/;

export interface Answer {
  readonly out: string;
  readonly err?: string;
  readonly code: number;
}

export type Type = (who: string, words: readonly string[]) => Promise<Answer>;

/** The transcript of what is typed now. */
export async function replay(script: string, type: Type): Promise<string> {
  const names = new Names();
  const lines: string[] = [];
  for (const line of script.trimEnd().split("\n")) {
    const [, who, text] = TYPED.exec(line) ?? [];
    const remark = line.startsWith("# ");
    if (!remark && (who === undefined || text === undefined)) continue;
    if (lines.length > 0 && lines.at(-1)?.startsWith("# ") !== true) lines.push("");
    if (who === undefined || text === undefined) {
      lines.push(line);
      continue;
    }
    lines.push(line);
    const answer = await type(who, words(names.restore(text)));
    lines.push(...answered(answer).map((each) => names.number(each)));
  }
  return `${lines.join("\n")}\n`;
}

/** How often a change is looked at while it moves is a matter of time. */
const PASSING =
  /^\d\d:\d\d:\d\dZ  (?:proposed|planned|running|applied|authorised {5}Authorised; a runner)|^  (?:step-\d+: |verifying$|ended: |check \d)/;

/** Text with whatever differs from run to run numbered or named. */
export function numbered(text: string): string {
  const names = new Names();
  return text
    .split("\n")
    .map((line) => names.number(line))
    .join("\n");
}

/** What goes to standard error is marked; an answer's blank lines are drawn as dots, because a blank line ends it. */
function answered({ out, err = "", code }: Answer): string[] {
  const split = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n")).filter((line) => !PASSING.test(line));
  const all = [...split(out).map((line) => (line === "" ? "·" : line)), ...split(err).map((line) => `! ${line}`.trimEnd())];
  return code === 0 ? all : [...all, `[ends with ${code}]`];
}

/** Words as a shell would split them: blanks, double quotes. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

const TIMES: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "TIME"],
  [/\b\d\d:\d\d:\d\dZ/g, "TIME"],
  [/\b\d+ s\b/g, "0 s"],
  // Where an entry stands beside those of other changes is a matter of time too.
  [/(?<=TIME {2})#\d+ +/g, "#n "],
];

class Names {
  readonly #numbers = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  number(line: string): string {
    const timeless = TIMES.reduce((text, [pattern, word]) => text.replace(pattern, word), line);
    return timeless
      .replace(/\b(chg|run|rnr|grt|tok)_[0-9a-z]{12,}\b/g, (id, kind: string) => this.#named(id, `${kind}_`))
      .replace(/\bsha256:([0-9a-f]{64})\b/g, (_, hex: string) => `sha256:${this.#named(hex, "d")}`)
      .replace(/\bsha256:([0-9a-f]{12})…/g, (_, head: string) => `sha256:${this.#named(this.#whole(head), "d")}…`)
      .replace(/\b[0-9a-f]{64}\b/g, (hex) => this.#named(hex, "hash-"))
      .replace(/(commit +|^ +)([0-9a-f]{40})$/g, (_, before: string, hex: string) => `${before}${this.#named(hex, "commit-")}`)
      .replace(/(?<=root )[\w+/]{43}=/g, (root) => this.#named(root, "root-"));
  }

  #whole(head: string): string {
    return [...this.#numbers.keys()].find((name) => name.startsWith(head)) ?? head;
  }

  #named(name: string, kind: string): string {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    this.#numbers.set(name, `${kind}${count}`);
    return `${kind}${count}`;
  }

  /** What is typed names things as they were answered before. */
  restore(text: string): string {
    const back = new Map([...this.#numbers].map(([name, alias]) => [alias, name]));
    return text
      .replace(/\b(?:chg|run|tok|grt)_\d+\b/g, (alias) => back.get(alias) ?? alias)
      .replace(/sha256:(d\d+)\b/g, (whole, alias: string) => (back.has(alias) ? `sha256:${back.get(alias)}` : whole));
  }
}
