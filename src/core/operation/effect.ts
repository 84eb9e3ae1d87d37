import { ok } from "../base/index.ts";
import type { Json, Result } from "../base/index.ts";
import { secretValue } from "../plan/index.ts";
import type { Effect, FieldChange, PlanValue, Provenance } from "../plan/index.ts";
import { expandJson, expandText } from "./template.ts";
import type { Values } from "./template.ts";
import { resourceOf } from "./resolve.ts";
import type { Expectation, Operation, Select, State, System } from "./types.ts";

export interface EffectInput {
  readonly system: System;
  readonly operation: Operation;
  readonly values: Values;
  readonly before: State;
  readonly expected?: Expectation;
  readonly select: Readonly<Record<string, Select>>;
  /** What will be asked, as its reviewer sees it. */
  readonly asked: FieldChange;
  readonly provenance: Provenance;
  /** Keys the digests that stand in for what is masked. */
  readonly secretKey: Uint8Array;
}

/** The one effect that an operation is declared to have, with what it was and will be, as far as that is looked at. */
export function effectOf(input: EffectInput): Result<Effect> {
  const { system, operation, values } = input;
  const { effect } = operation;
  const resource = resourceOf(system, operation, values);
  if (!resource.ok) return resource;
  const summary = expandText(operation.summary, values);
  if (!summary.ok) return summary;
  const amounts = expandJson(effect.amounts, values);
  if (!amounts.ok) return amounts;
  const counted = Object.entries(amounts.value as Record<string, Json>).map(([path, value]) => amountField(path, value));
  return ok({
    kind: effect.kind,
    resource: resource.value,
    resourceKind: effect.resourceKind,
    system: `${system.connector}:${system.name}`,
    environment: system.environment,
    summary: summary.value,
    fields: [...stateFields(input), ...counted, input.asked],
    detail: { kind: "none" },
    reversibility: effect.reversibility,
    exposure: effect.exposure,
    privilege: effect.privilege,
    surfaces: effect.surfaces,
    owners: effect.owners,
    provenance: input.provenance,
  });
}

/** Money is text where it is sent, and a number where it is counted. */
const amountField = (path: string, value: Json): FieldChange => ({
  path,
  after: { kind: "json", value: typeof value === "string" && /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : value },
});

function stateFields({ before, expected, select, secretKey }: EffectInput): readonly FieldChange[] {
  if (expected === undefined) return [];
  const shown = (name: string, value: Json): PlanValue => maskedValue(select[name], value, secretKey);
  const side = (key: "before" | "after", name: string, value: Json | undefined) =>
    value === undefined ? {} : { [key]: shown(name, value) };
  const names = expected.present ? Object.keys(expected.fields) : Object.keys(before.fields);
  return names.map((name) => ({
    path: name,
    ...side("before", name, before.fields[name]),
    ...side("after", name, expected.present ? expected.fields[name] : undefined),
  }));
}

/** On what an undo depends: without a probe nobody could tell whose work it takes back. */
export const afterLooking = (looked: boolean): string =>
  looked ? "if nothing moved in between" : "whatever was done in between: nothing is declared that looks";

/** A value as a plan may carry it. */
export const maskedValue = (select: Select | undefined, value: Json, secretKey: Uint8Array): PlanValue =>
  select?.masked === true ? secretValue(secretKey, JSON.stringify(value)) : { kind: "json", value };
