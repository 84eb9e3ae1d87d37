import { HELD } from "./held.ts";
import type { Plant } from "./plant.ts";
import { RULES } from "./rules.ts";
import { RUNS } from "./runs.ts";
import { STORED } from "./stored.ts";
import { VOTES } from "./votes.ts";

/** Every planted bug that the simulator has to find. */
export const PLANTS: readonly Plant[] = [...VOTES, ...RULES, ...RUNS, ...HELD, ...STORED];

export function plantNamed(name: string): Plant {
  const plant = PLANTS.find((each) => each.name === name);
  if (plant === undefined) throw new Error(`there is no plant "${name}"; one of: ${PLANTS.map((each) => each.name).join(", ")}`);
  return plant;
}
