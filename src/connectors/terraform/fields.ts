import type { FieldChange, PlanValue } from "../../core/plan/index.ts";
import { isObject } from "../../core/base/index.ts";
import type { Json, KeyedDigest } from "../../core/base/index.ts";
import { isSecretName } from "./hidden.ts";
import type { Hidden } from "./hidden.ts";
import { below } from "./plan-document.ts";
import type { Change } from "./plan-document.ts";
import { shownText, shownValue } from "./shown.ts";

/** A value that Terraform learns only when it applies. */
const UNKNOWN: PlanValue = { kind: "json", value: { known_after_apply: true } };

/** How much one plan may still show. */
export interface Room {
  characters: number;
}

export interface Fields {
  readonly fields: readonly FieldChange[];
  /** Names of the attributes at the top that change. */
  readonly attributes: readonly string[];
  /** Fields that there was no room for. */
  readonly left: number;
}

const MOST_FIELDS = 200;

/** What of an object changes, value by value. */
export function fieldsOf(change: Change, hidden: Hidden, room: Room): Fields {
  const walk = new Walk(change, hidden, room);
  walk.all();
  return { fields: walk.fields, attributes: [...walk.attributes], left: walk.left };
}

interface Place {
  readonly path: string;
  readonly name: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  readonly unknown: Json | undefined;
  readonly maskBefore: Json | undefined;
  readonly maskAfter: Json | undefined;
}

class Walk {
  readonly fields: FieldChange[] = [];
  readonly attributes = new Set<string>();
  left = 0;
  readonly #change: Change;
  readonly #hidden: Hidden;
  readonly #room: Room;
  readonly #blind: boolean;

  constructor(change: Change, hidden: Hidden, room: Room) {
    this.#change = change;
    this.#hidden = hidden;
    this.#room = room;
    this.#blind = change.sensitive === undefined;
  }

  all(): void {
    const { before, after, unknown, sensitive } = this.#change;
    const whole: Place = {
      path: "",
      name: "",
      before: before ?? undefined,
      after: after ?? undefined,
      unknown,
      maskBefore: sensitive?.before,
      maskAfter: sensitive?.after,
    };
    if (isObject(before) || isObject(after) || isObject(unknown)) {
      if (whole.maskBefore === true || whole.maskAfter === true) return void this.#visit({ ...whole, path: "value" });
      for (const name of membersOf(whole)) if (!isUntouched(whole, name) && this.#visit(child(whole, name))) this.attributes.add(name);
    } else this.#visit({ ...whole, path: "value" });
  }

  /** Whether anything changes here. */
  #visit(place: Place): boolean {
    const { before, after, unknown, maskBefore, maskAfter } = place;
    if (sealedDigest(before) !== undefined || sealedDigest(after) !== undefined)
      return (unknown === true || !sameJson(before, after)) && this.#push(place, unknown === true);
    const masked = maskBefore === true || maskAfter === true;
    if (unknown === true && (masked || !isNested(before))) return this.#push(place, true);
    if (masked) return !sameJson(before, after) && this.#push(place, false, true);
    const nested = [before, after].some((side) => typeof side === "object" && side !== null) || isNested(unknown);
    if (nested && mixable(before, after, unknown)) {
      let changed = false;
      for (const name of membersOf(place)) if (!isUntouched(place, name)) changed = this.#visit(child(place, name)) || changed;
      return changed;
    }
    return !sameJson(before, after) && this.#push(place, false);
  }

  #push(place: Place, unknown: boolean, masked = false): boolean {
    const { before, after } = place;
    if (isAbsent(before) && isAbsent(after) && !unknown) return false;
    if (this.fields.length >= MOST_FIELDS || this.#room.characters <= 0) {
      this.left++;
      return true;
    }
    const field: FieldChange = {
      path: shownText(this.#hidden.isIn(place.path) ? this.#plainPath(place) : place.path).slice(0, 2_000),
      ...(isAbsent(before) ? {} : { before: this.#value(before, place.name, masked || place.maskBefore === true) }),
      ...(unknown ? { after: UNKNOWN } : isAbsent(after) ? {} : { after: this.#value(after, place.name, masked) }),
    };
    this.#room.characters -= 120 + field.path.length + sizeOf(field.before) + sizeOf(field.after);
    this.fields.push(field);
    return true;
  }

  /** A key of a map may hold what is sensitive elsewhere: then only the attribute is named, and how many such there were. */
  #plainPath({ path }: Place): string {
    const [attribute = ""] = path.split(/[.[]/);
    return `${this.#hidden.scrub(attribute)}[${this.fields.length + 1}: a key that is not shown]`;
  }

  #value(value: Json, name: string, masked: boolean): PlanValue {
    const digest = sealedDigest(value);
    if (digest !== undefined) return { kind: "secret", digest };
    if (masked) return this.#hidden.seal(value);
    if (typeof value === "string" && value !== "" && (this.#blind || isSecretName(name) || this.#hidden.isIn(value)))
      return this.#hidden.seal(value);
    if (typeof value === "number" && (isSecretName(name) || this.#hidden.isIn(String(value)))) return this.#hidden.seal(value);
    if (typeof value === "object" && value !== null && Object.keys(value).length > 0) return this.#hidden.seal(value);
    return { kind: "json", value: shownValue(value) };
  }
}

/** A value that was sealed when its plan was stored. */
function sealedDigest(value: Json | undefined): KeyedDigest | undefined {
  if (value === undefined || !isObject(value) || !isObject(value["$secret"]) || Object.keys(value).length !== 1) return undefined;
  const { digest } = value["$secret"];
  return typeof digest === "string" && /^hmac-sha256:[0-9a-f]{64}$/.test(digest) ? (digest as KeyedDigest) : undefined;
}

const isAbsent = (value: Json | undefined): value is null | undefined => value === null || value === undefined;
const isNested = (value: Json | undefined): boolean => typeof value === "object" && value !== null && Object.keys(value).length > 0;
const sizeOf = (value: PlanValue | undefined): number =>
  value === undefined ? 0 : value.kind === "json" && typeof value.value === "string" ? value.value.length : 90;

/** Both sides are of one sort, or one is not there: then it is said member by member. */
function mixable(before: Json | undefined, after: Json | undefined, unknown: Json | undefined): boolean {
  const sorts = [before, after, isNested(unknown) ? unknown : undefined].filter((side) => !isAbsent(side)).map(sortOf);
  return (
    sorts.every((sort) => sort !== "plain" && sort === sorts[0]) && membersCount(before) + membersCount(after) + membersCount(unknown) > 0
  );
}
const sortOf = (value: Json | undefined): string => (Array.isArray(value) ? "list" : isObject(value) ? "object" : "plain");
const membersCount = (value: Json | undefined): number => (typeof value === "object" && value !== null ? Object.keys(value).length : 0);

function membersOf({ before, after, unknown }: Place): readonly (string | number)[] & readonly string[] {
  const sides = [before, after, unknown].filter((side) => typeof side === "object" && side !== null) as object[];
  const lists = sides.some((side) => Array.isArray(side));
  const all = new Set(sides.flatMap((side) => Object.keys(side)));
  return (lists ? [...all].map(Number) : [...all]) as unknown as readonly string[];
}

const NONE: Readonly<Record<string, Json>> = {};
const side = (value: Json | undefined): Readonly<Record<string, Json>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, Json>>) : NONE;

/** The same plain value before and after: most of what there is, and worth no further look. */
function isUntouched({ before, after, unknown }: Place, name: string): boolean {
  const value = side(before)[name];
  return typeof value !== "object" && value === side(after)[name] && unknown !== true && side(unknown)[name] === undefined;
}

function child(place: Place, step: string | number): Place {
  const at = (value: Json | undefined): Json | undefined =>
    Array.isArray(value) ? value[Number(step)] : isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  const mask = (value: Json | undefined): Json | undefined => (value === true ? true : at(value));
  return {
    path: below(place.path, step),
    name: typeof step === "number" ? place.name : step,
    before: at(place.before),
    after: at(place.after),
    unknown: place.unknown === true ? true : at(place.unknown),
    maskBefore: mask(place.maskBefore),
    maskAfter: mask(place.maskAfter),
  };
}

export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b || (isAbsent(a) && isAbsent(b))) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || a === undefined || b === undefined) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && sameJson((a as Record<string, Json>)[name], (b as Record<string, Json>)[name]));
}
