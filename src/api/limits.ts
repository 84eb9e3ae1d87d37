import type { Clock } from "../control/ports.ts";
import type { Rate } from "./settings.ts";

const MOST_BUCKETS = 20_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** Token buckets by key, in memory. When there are too many keys the one unused for longest is forgotten, that is, full again. */
export class Buckets {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Takes from the key's bucket; answers 0, or the milliseconds until there is enough. */
  take(key: string, cost = 1): number {
    const bucket = this.#fill(key);
    if (bucket.tokens >= cost) {
      bucket.tokens -= cost;
      return 0;
    }
    return Math.ceil(((cost - bucket.tokens) / this.#rate.perSecond) * 1000);
  }

  giveBack(key: string): void {
    const bucket = this.#fill(key);
    bucket.tokens = Math.min(this.#rate.burst, bucket.tokens + 1);
  }

  #fill(key: string): Bucket {
    const now = this.#clock.now();
    const known = this.#buckets.get(key);
    const bucket = known ?? { tokens: this.#rate.burst, at: now };
    // A clock that was set back adds nothing, and counts from where it is now.
    const grown = (Math.max(0, now - bucket.at) / 1000) * this.#rate.perSecond;
    bucket.tokens = Math.min(this.#rate.burst, bucket.tokens + grown);
    bucket.at = now;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > MOST_BUCKETS) this.#forgetOldest();
    return bucket;
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key);
      return;
    }
  }
}

/** Places for what stays open: streams and waiting requests. */
export class Places {
  readonly #total: number;
  readonly #perKey: number;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(bounds: { readonly total: number; readonly perCredential: number }) {
    this.#total = bounds.total;
    this.#perKey = bounds.perCredential;
  }

  /** A function that leaves the place again, or undefined when there is none. */
  enter(key: string): (() => void) | undefined {
    const mine = this.#taken.get(key) ?? 0;
    if (this.#all >= this.#total || mine >= this.#perKey) return undefined;
    this.#all++;
    this.#taken.set(key, mine + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#all--;
      const now = (this.#taken.get(key) ?? 1) - 1;
      if (now === 0) this.#taken.delete(key);
      else this.#taken.set(key, now);
    };
  }

  get taken(): number {
    return this.#all;
  }
}

/** The address as a bucket's key. An IPv6 host commands a whole /64, so that is what is counted. */
export function addressKey(ip: string): string {
  const plain = ip.toLowerCase().replace(/%.*$/, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  if (mapped !== null) return mapped[1] ?? plain;
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
