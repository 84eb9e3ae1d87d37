import { fail, ok, type Refusal, type Result } from "../core/base/index.ts";
import type { Deps } from "./deps.ts";
import { invalid } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

/** Words are stored and shown to many: what looks like a secret in them is refused before it is written anywhere. */
export async function withoutSecrets(
  deps: Deps,
  words: Readonly<Record<string, string | undefined>>,
): Promise<Result<void, ControlRefusal>> {
  const faults: Refusal[] = [];
  for (const [where, text] of Object.entries(words)) {
    const hits = text === undefined ? [] : await deps.findSecrets(text);
    faults.push(...hits.map(({ rule, line }) => secretFault(where, rule, line)));
  }
  return faults.length === 0 ? ok(undefined) : fail(invalid("what was written holds what looks like a secret", faults, "secret_in_words"));
}

function secretFault(where: string, rule: string, line: number): Refusal {
  return {
    code: "secret_in_words",
    message: `line ${line} holds what looks like a secret (${rule})`,
    where,
    remedy: "take it out, and replace it where it is used: it was sent in the open",
  };
}
