import { cloner, never } from "../base/index.ts";
import type { CelType, CelValue } from "./cel/types.ts";
import { nameOf } from "./cel/types.ts";

/** Why a value does not fit its declared type. */
export class Misfit {
  readonly path: string;
  readonly wanted: string;
  constructor(path: string, wanted: string) {
    this.path = path;
    this.wanted = wanted;
  }
  under(name: string): Misfit {
    return new Misfit(this.path === "" || this.path.startsWith("[") ? name + this.path : `${name}.${this.path}`, this.wanted);
  }
  get message(): string {
    return `${this.path || "the facts"} is not ${this.wanted}`;
  }
}

type Fit = (value: unknown) => CelValue | Misfit;

/**
 * Copies a value into the exact shape of its type, or says where it differs. Rules run on the copy, so nothing they read can be
 * missing, not a number, of another type, or changed under them.
 */
export function fitOf(type: CelType): Fit {
  const misfit = new Misfit("", type.kind === "int" ? "an integer" : nameOf(type));
  switch (type.kind) {
    case "bool":
      return (value) => (typeof value === "boolean" ? value : misfit);
    case "int":
      return (value) => (Number.isSafeInteger(value) ? (value as number) : misfit);
    case "string":
      return (value) => (typeof value === "string" && value.isWellFormed() ? value : misfit);
    case "list":
      return fitList(fitOf(type.of), misfit);
    case "map":
      return fitMap(fitOf(type.of), misfit);
    case "message":
      return fitMessage(
        Object.entries(type.fields).map(([name, { type: of, optional }]) => ({
          name,
          optional,
          text: of.kind === "string",
          fit: fitOf(of),
        })),
        misfit,
      );
    case "any":
      return () => misfit;
    default:
      return never(type, "type");
  }
}

function fitList(fit: Fit, misfit: Misfit): Fit {
  return (value) => {
    if (!Array.isArray(value)) return misfit;
    const items: CelValue[] = [];
    for (let i = 0; i < value.length; i++) {
      const item = fit(value[i]);
      if (item instanceof Misfit) return item.under(`[${i}]`);
      items.push(item);
    }
    return items;
  };
}

function fitMap(fit: Fit, misfit: Misfit): Fit {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return misfit;
    const map = new Map<CelValue, CelValue>();
    for (const [key, entry] of Object.entries(value)) {
      const item = fit(entry);
      if (item instanceof Misfit) return item.under(key);
      map.set(key, item);
    }
    return map;
  };
}

interface Member {
  readonly name: string;
  readonly optional: boolean;
  readonly text: boolean;
  readonly fit: Fit;
}

/** Facts made here have their members in the declared order; those are copied at once and looked at in one go. */
function fitMessage(members: readonly Member[], misfit: Misfit): Fit {
  const clone = cloner();
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return misfit;
    return fitInOrder(members, clone(value) as Copy) ?? fitByName(members, value as Readonly<Copy>);
  };
}

type Copy = Record<string, CelValue | undefined>;

/** Undefined if there are other members, or they are in another order. */
function fitInOrder(members: readonly Member[], copy: Copy): Copy | Misfit | undefined {
  let i = 0;
  for (const name in copy) {
    const member = members[i++];
    if (member?.name !== name) return undefined;
    const given = copy[name];
    if (isPlain(member, given)) continue;
    const item = member.fit(given);
    if (item instanceof Misfit) return item.under(name);
    copy[name] = item;
  }
  return i === members.length ? copy : undefined;
}

function fitByName(members: readonly Member[], source: Readonly<Copy>): Copy | Misfit {
  const copy: Copy = {};
  for (const member of members) {
    const { name } = member;
    const given = source[name];
    if (isPlain(member, given)) copy[name] = given;
    else {
      const item = member.fit(given);
      if (item instanceof Misfit) return item.under(name);
      copy[name] = item;
    }
  }
  return copy;
}

/** Most members are texts, and nearly all that are there fit. */
const isPlain = ({ text, optional }: Member, given: unknown): boolean =>
  (text && typeof given === "string" && given.isWellFormed()) || (optional && given === undefined);
