/** What a plan may cost. A connector that finds more says so in an effect of its own; nothing is cut off in silence. */
export const PLAN_BOUNDS = {
  steps: 20,
  /** Of one step. */
  effects: 20_000,
  fields: 1_000,
  observations: 1_000,
  /** Surfaces, owners or parts of a target. */
  labels: 500,
  findings: 200_000,
  statements: 200_000,
  /** Characters of a name, of a text, and of a diff. */
  name: 8_192,
  words: 10_000,
  diff: 200_000,
  /** Characters of one field's value as canonical JSON. */
  value: 20_000,
} as const;
