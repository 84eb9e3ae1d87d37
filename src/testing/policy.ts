/** Bundles and facts for tests, said in as few words as they need. */
import assert from "node:assert/strict";
import { loadBundle, type Bundle, type BundleFault, type Facts } from "../core/policy/index.ts";

const SEATS = [{ id: "owner", who: [{ owners: true }] }];
type Raw = Readonly<Record<string, unknown>>;

/** The text of a bundle: JSON, which is YAML too. A rule needs no more than what the test is about. */
export function bundleText(rules: readonly Raw[], more: Raw = {}): string {
  const whole = rules.map((rule, i) => ({ id: `r${i}`, outcome: "review", when: "true", reason: `reason ${i}`, ...needed(rule), ...rule }));
  return written({
    pawl: "policy/v1",
    name: "test",
    defaults: { seats: SEATS, unowned: [{ group: "maintainers" }] },
    rules: whole,
    ...more,
  });
}

/** As JSON; what a bundle may not hold raw is written as an escape. */
const written = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/\p{Cf}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

function needed({ outcome }: Raw): Raw {
  if (outcome === "escalate") return { seats: SEATS };
  return outcome === "revise" ? { instruction: { code: "mend", message: "mend it" } } : {};
}

export function bundle(rules: readonly Raw[], more: Raw = {}): Bundle {
  const loaded = loadBundle(bundleText(rules, more));
  assert(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.error, undefined, 1));
  return loaded.value;
}

/** The base facts of cases with these on top. */
export function facts(given: Raw = {}): Facts {
  const [only] = bundle([], { cases: [{ name: "facts", facts: given, expect: { outcome: "auto" } }] }).cases;
  assert(only);
  return only.facts;
}

export function faultsOf(text: string): readonly BundleFault[] {
  const loaded = loadBundle(text);
  assert(!loaded.ok, "the bundle is accepted");
  return loaded.error;
}
