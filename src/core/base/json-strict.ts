import { canonicalNumber } from "./json-number.ts";
import type { Json, JsonBounds, JsonObject } from "./json.ts";
import { fail, ok } from "./result.ts";
import type { Refusal, Result } from "./result.ts";

const REMEDIES = {
  json_too_large: "send less, or send the bulk as a payload",
  json_bad_utf8: "encode the text as UTF-8",
  json_bom: "remove the byte order mark",
  json_syntax: "write it as RFC 8259 JSON",
  json_too_deep: "nest less",
  json_too_many_members: "split the object or array",
  json_string_too_long: "shorten the string",
  json_inexact_number: "write a number that a double holds exactly, or write it as a string",
  json_duplicate_key: "name each member once",
  json_forbidden_key: "use another name for the member",
  json_lone_surrogate: "write whole Unicode characters",
  json_not_nfc: "normalise the text to Unicode NFC",
} as const;

export type JsonFaultCode = keyof typeof REMEDIES;

/** The first fault of a text. `offset` counts UTF-16 units from 0; `line` and `column` count from 1; `path` is a JSON pointer. */
export interface JsonFault extends Refusal<JsonFaultCode> {
  readonly where: string;
  readonly remedy: string;
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  readonly path: string;
}

/** Makes the fault whose position is the given offset of the text. */
export function jsonFault(text: string, offset: number, code: JsonFaultCode, message: string, path = ""): JsonFault {
  const lineStart = offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < lineStart; i = text.indexOf("\n", i + 1)) line++;
  const column = offset - lineStart + 1;
  const where = `line ${line}, column ${column}${path === "" ? "" : `, at ${path}`}`;
  return { code, message, where, remedy: REMEDIES[code], offset, line, column, path };
}

/** The reader that decides: recursive descent to at most the depth bound, stopping at the first fault. */
export function readStrictly(text: string, bounds: JsonBounds): Result<Json, JsonFault> {
  const reader = new StrictReader(text, bounds);
  const value = reader.document();
  return value === undefined ? fail(reader.firstFault()) : ok(value);
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$]{1,20}/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
/** Everything but quotes, backslashes and control characters. */
const PLAIN = /[ !#-[\]-\uffff]+/y;
const SPACE = /[ \t\n\r]*/y;

/** Each reading method answers undefined after a fault, which no JSON value is. */
class StrictReader {
  readonly #text: string;
  readonly #bounds: JsonBounds;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #fault: JsonFault | undefined;

  constructor(text: string, bounds: JsonBounds) {
    this.#text = text;
    this.#bounds = bounds;
  }

  firstFault(): JsonFault {
    return this.#fault ?? jsonFault(this.#text, this.#at, "json_syntax", "the text is not JSON");
  }

  document(): Json | undefined {
    if (this.#text.charCodeAt(0) === 0xfeff) return this.#refuse("json_bom", "the text starts with a byte order mark", 0);
    this.#space();
    const value = this.#value();
    if (value === undefined) return undefined;
    this.#space();
    return this.#at === this.#text.length ? value : this.#unexpected("the end of the text");
  }

  #value(): Json | undefined {
    const c = this.#text[this.#at];
    if (c === '"') return this.#string();
    if (c === "{") return this.#nested(() => this.#object());
    if (c === "[") return this.#nested(() => this.#array());
    if (c === "-" || (c !== undefined && c >= "0" && c <= "9")) return this.#number();
    return this.#word();
  }

  #nested(read: () => Json | undefined): Json | undefined {
    if (this.#path.length >= this.#bounds.depth) return this.#refuse("json_too_deep", `more than ${this.#bounds.depth} levels are open`);
    this.#at++;
    this.#space();
    this.#path.push(0);
    const value = read();
    if (value !== undefined) this.#path.pop();
    return value;
  }

  #array(): Json | undefined {
    const items: Json[] = [];
    if (this.#take("]")) return items;
    for (;;) {
      if (items.length >= this.#bounds.members) return this.#tooMany("elements");
      this.#path[this.#path.length - 1] = items.length;
      const item = this.#value();
      if (item === undefined) return undefined;
      items.push(item);
      this.#space();
      if (this.#take("]")) return items;
      if (!this.#take(",")) return this.#unexpected("`,` or `]`");
      this.#space();
    }
  }

  #object(): Json | undefined {
    const object: JsonObject = {};
    if (this.#take("}")) return object;
    for (let members = 0; ; members++) {
      if (members >= this.#bounds.members) return this.#tooMany("members");
      const key = this.#key(object);
      if (key === undefined) return undefined;
      this.#space();
      if (!this.#take(":")) return this.#unexpected("`:`");
      this.#space();
      this.#path[this.#path.length - 1] = key;
      const value = this.#value();
      if (value === undefined) return undefined;
      object[key] = value;
      this.#space();
      if (this.#take("}")) return object;
      if (!this.#take(",")) return this.#unexpected("`,` or `}`");
      this.#space();
    }
  }

  #key(object: JsonObject): string | undefined {
    const start = this.#at;
    if (this.#text[start] !== '"') return this.#unexpected("a key in quotes");
    const key = this.#string();
    if (key === undefined) return undefined;
    if (key === "__proto__") return this.#refuse("json_forbidden_key", "the key `__proto__` means something else to some readers", start);
    if (Object.hasOwn(object, key)) return this.#refuse("json_duplicate_key", `the key ${shown(key)} is there twice`, start);
    return key;
  }

  #string(): string | undefined {
    const start = this.#at++;
    let value = "";
    while (!this.#take('"')) {
      const piece = this.#match(PLAIN) ?? this.#escape();
      if (piece === undefined) return undefined;
      value += piece;
      if (value.length > this.#bounds.stringLength) {
        return this.#refuse("json_string_too_long", `the string is longer than ${this.#bounds.stringLength} UTF-16 units`, start);
      }
    }
    if (!value.isWellFormed()) return this.#refuse("json_lone_surrogate", "an escape writes half of a surrogate pair", start);
    if (value.normalize("NFC") !== value) return this.#refuse("json_not_nfc", "the string is not in Unicode normalisation form C", start);
    return value;
  }

  #escape(): string | undefined {
    if (this.#text[this.#at] !== "\\") return this.#unexpected("the rest of the string");
    const letter = this.#text[this.#at + 1];
    if (letter === "u") {
      this.#at += 2;
      const hex = this.#match(HEX4);
      return hex === undefined ? this.#unexpected("four hexadecimal digits") : String.fromCharCode(Number.parseInt(hex, 16));
    }
    const character = letter === undefined ? undefined : ESCAPES[letter];
    if (character === undefined) return this.#refuse("json_syntax", "the escape is not one of JSON's");
    this.#at += 2;
    return character;
  }

  #number(): number | undefined {
    const start = this.#at;
    const raw = this.#match(NUMBER);
    if (raw === undefined) return this.#unexpected("a number");
    const value = canonicalNumber(raw);
    if (value === undefined) {
      return this.#refuse("json_inexact_number", `the number ${shown(raw)} would become ${String(Number(raw))}`, start);
    }
    return value;
  }

  #word(): null | boolean | undefined {
    const start = this.#at;
    const word = this.#match(WORD);
    if (word === "true") return true;
    if (word === "false") return false;
    if (word === "null") return null;
    this.#at = start;
    return this.#unexpected("a value");
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #space(): void {
    this.#match(SPACE);
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #tooMany(what: string): undefined {
    return this.#refuse("json_too_many_members", `more than ${this.#bounds.members} ${what} in one place`);
  }

  #unexpected(wanted: string): undefined {
    const found = this.#text.codePointAt(this.#at);
    const what = found === undefined ? "the text ends" : `there is ${shown(String.fromCodePoint(found))}`;
    return this.#refuse("json_syntax", `${what} where ${wanted} should be`);
  }

  #refuse(code: JsonFaultCode, message: string, at = this.#at): undefined {
    this.#fault = jsonFault(this.#text, at, code, message, pointer(this.#path));
  }
}

/** Foreign text inside a message: short, and nothing in it but visible ASCII. */
function shown(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  const visible = short.replace(/[^\x20-\x7e]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
  return `\`${visible}\``;
}

function pointer(path: readonly (string | number)[]): string {
  const steps = path.slice(0, 16).map((step) => `/${shown(String(step)).slice(1, -1).replaceAll("~", "~0").replaceAll("/", "~1")}`);
  return steps.join("") + (path.length > 16 ? "/..." : "");
}
