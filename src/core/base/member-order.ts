/** What is not plain JSON, or holds keys that an object cannot have in canonical order. */
export const FOREIGN = Symbol("foreign");

type Plain = Readonly<Record<string, unknown>>;

/** Values nested deeper are foreign: whoever has no recursion may look at them, and at those that hold themselves. */
const DEPTH = 200;

/**
 * The value with the members of every object in the order of their UTF-16 units, as RFC 8785 wants them. What is in order
 * already is not copied.
 */
export function inOrder(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      return Number.isFinite(value) ? value : FOREIGN;
    case "object":
      if (value === null) return null;
      if (depth > DEPTH) return FOREIGN;
      return Array.isArray(value) ? arrayInOrder(value, depth + 1) : objectInOrder(value as Plain, depth + 1);
    default:
      return FOREIGN;
  }
}

function arrayInOrder(items: readonly unknown[], depth: number): unknown {
  if (Object.getPrototypeOf(items) !== Array.prototype || "toJSON" in items) return FOREIGN;
  let copy: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    const ordered = typeof item === "string" ? item : inOrder(item, depth);
    if (ordered === FOREIGN) return FOREIGN;
    if (copy === undefined && ordered !== item) copy = items.slice(0, i);
    copy?.push(ordered);
  }
  return copy ?? items;
}

function objectInOrder(value: Plain, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return FOREIGN;
  const keys = Object.keys(value);
  if (keys.length === 0) return value;
  const order = orderOf(keys);
  if (order.kind === "impossible") return FOREIGN;
  return order.kind === "same" ? sameOrder(value, keys, depth) : reordered(value, order.keys, depth);
}

function sameOrder(value: Plain, keys: readonly string[], depth: number): unknown {
  for (let i = 0; i < keys.length; i++) {
    const member = value[keys[i] as string];
    if (typeof member === "string") continue;
    const ordered = inOrder(member, depth);
    if (ordered === FOREIGN) return FOREIGN;
    if (ordered !== member) return reordered(value, keys, depth);
  }
  return value;
}

function reordered(value: Plain, keys: readonly string[], depth: number): unknown {
  const copy: Record<string, unknown> = {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const member = value[key];
    const ordered = typeof member === "string" ? member : inOrder(member, depth);
    if (ordered === FOREIGN) return FOREIGN;
    copy[key] = ordered;
  }
  return copy;
}

/** How the members of objects with these keys, in this order, come into canonical order. */
type Order =
  | { readonly kind: "same"; readonly from: readonly string[] }
  | { readonly kind: "other"; readonly from: readonly string[]; readonly keys: readonly string[] }
  /** Whole numbers come first in any object and by size, and `__proto__` is no member where it is assigned. */
  | { readonly kind: "impossible"; readonly from: readonly string[] };

/** Objects are mostly of a few forms, so that their orders are remembered: by the first key, a few each, and not very many. */
const known = new Map<string, Order[]>();
const MOST = { firsts: 1_000, each: 16, keys: 64, keyLength: 100 };

function orderOf(keys: readonly string[]): Order {
  const first = keys[0] as string;
  const orders = known.get(first);
  if (orders !== undefined)
    for (let i = 0; i < orders.length; i++) if (sameKeys((orders[i] as Order).from, keys)) return orders[i] as Order;
  const order = newOrder(keys);
  if (keys.length <= MOST.keys && keys.every((key) => key.length <= MOST.keyLength)) remember(first, orders ?? [], order);
  return order;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** What is full is forgotten: to learn it again costs less than to keep account of its use. */
function remember(first: string, orders: Order[], order: Order): void {
  if (orders.length >= MOST.each) orders.length = 0;
  if (known.size >= MOST.firsts) known.clear();
  orders.push(order);
  known.set(first, orders);
}

function newOrder(from: readonly string[]): Order {
  const keys = from.toSorted();
  const probe: Record<string, unknown> = {};
  for (const key of keys) probe[key] = true;
  if (!sameKeys(Object.keys(probe), keys)) return { kind: "impossible", from };
  return sameKeys(from, keys) ? { kind: "same", from } : { kind: "other", from, keys };
}
