import { sealSecrets, secretValue } from "../../core/plan/index.ts";
import type { PlanValue } from "../../core/plan/index.ts";
import { isObject } from "../../core/base/index.ts";
import type { Json } from "../../core/base/index.ts";
import type { Change } from "./plan-document.ts";

/** Shorter texts stand in too many places to be looked for. */
const LEAST = 6;
const MOST = 20_000;

/**
 * The sensitive texts of a plan. A provider may mark a password and not the address that holds it, so whatever is shown is also held
 * against what was marked elsewhere.
 */
export class Hidden {
  readonly #key: Uint8Array;
  readonly #byStart = new Map<string, string[]>();
  #count = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Remembers what the change marks as sensitive. */
  learn({ before, after, sensitive }: Change): void {
    if (sensitive === undefined) return;
    this.#gather(before, sensitive.before);
    this.#gather(after, sensitive.after);
  }

  #gather(value: Json, mask: Json): void {
    if (mask === false || mask === null || value === null || value === undefined) return;
    if (mask === true) return this.#add(value);
    if (Array.isArray(mask) && Array.isArray(value)) {
      for (const [i, one] of mask.entries()) this.#gather(value[i] ?? null, one);
      return;
    }
    if (!isObject(mask) || !isObject(value)) return;
    for (const name in mask) this.#gather(value[name] ?? null, mask[name] ?? false);
  }

  #add(value: Json): void {
    if (typeof value === "object" && value !== null) {
      for (const member of Object.values(value)) this.#add(member);
      return;
    }
    if (typeof value === "boolean") return;
    const text = String(value);
    // As it stands inside a JSON text: a policy, a container's definition.
    const escaped = JSON.stringify(text).slice(1, -1);
    for (const form of new Set([text, escaped])) this.#keep(form);
  }

  #keep(text: string): void {
    if (text.length < LEAST || this.#count >= MOST) return;
    const start = text.slice(0, LEAST);
    const known = this.#byStart.get(start);
    if (known?.includes(text) === true) return;
    this.#count++;
    if (known === undefined) this.#byStart.set(start, [text]);
    else known.push(text);
  }

  /** Holds something that is marked as sensitive elsewhere in the plan. */
  isIn(text: string): boolean {
    if (this.#count === 0 || text.length < LEAST) return false;
    for (let i = 0; i + LEAST <= text.length; i++) {
      const candidates = this.#byStart.get(text.slice(i, i + LEAST));
      if (candidates?.some((one) => text.startsWith(one, i)) === true) return true;
    }
    return false;
  }

  /** Words for people, without any of it. */
  scrub(text: string): string {
    return this.isIn(text) ? "(not shown: it holds a sensitive value)" : text;
  }

  /** As it stands where a plan is stored. */
  sealed(text: string): Json {
    return sealSecrets({ $secret: text }, this.#key).value;
  }

  seal(value: Json): PlanValue {
    return secretValue(this.#key, typeof value === "string" ? value : JSON.stringify(value));
  }
}

/** Names of attributes that hold secrets whether or not a provider says so. */
const SECRET_NAME =
  /(^|_)(password|passwd|passphrase|secret|secret_string|token|private_key|private_key_pem|credentials?|api_?key|access_key|secret_key|client_secret|connection_string|auth_token|master_key|shared_key)(_(pem|plaintext|base64|value|wo))?$/i;
const names = new Map<string, boolean>();

export function isSecretName(name: string): boolean {
  const known = names.get(name);
  if (known !== undefined) return known;
  const found = SECRET_NAME.test(name);
  // Names of maps are the data's own: without a bound they would gather here.
  if (names.size < 5_000) names.set(name, found);
  return found;
}
