import { canonical, fail, ok } from "../base/index.ts";
import type { Json, Refusal, Result } from "../base/index.ts";
import type { Expectation, Select, State } from "./types.ts";

/** Characters of all selected fields together, as canonical JSON. */
const MOST_STATE = 64 * 1024;

/** What a JSON pointer (RFC 6901) leads to. */
export function valueAt(document: Json, pointer: string): Json | undefined {
  let at: Json | undefined = document;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = /^(0|[1-9][0-9]{0,8})$/.test(key) ? at[Number(key)] : undefined;
    else if (at !== null && typeof at === "object" && Object.hasOwn(at, key)) at = at[key];
    else return undefined;
  }
  return at;
}

export const ABSENT: State = { present: false, fields: {} };

/** The fields that matter, taken from an answer. One that is not there is not in the state. */
export function selected(document: Json, select: Readonly<Record<string, Select>>): Result<State, Refusal<"operation_state_too_large">> {
  const fields: Record<string, Json> = {};
  for (const [name, { at }] of Object.entries(select)) {
    const value = valueAt(document, at);
    if (value !== undefined) fields[name] = value;
  }
  if (canonical(fields).length <= MOST_STATE) return ok({ present: true, fields });
  return fail({
    code: "operation_state_too_large",
    message: `the selected fields have more than ${MOST_STATE} characters together`,
    remedy: "have the probe select less",
  });
}

/** Where a state is not as expected: the names of the fields, or that it is there, or is not. */
export function differences(state: State, expected: Expectation): readonly string[] {
  if (state.present !== expected.present) return [expected.present ? "is not there" : "is still there"];
  return Object.entries(expected.fields)
    .filter(([name, value]) => !Object.hasOwn(state.fields, name) || canonical(state.fields[name] as Json) !== canonical(value))
    .map(([name]) => name);
}
