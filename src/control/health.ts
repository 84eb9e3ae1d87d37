import { rulesInForce } from "./config.ts";
import type { Deps } from "./deps.ts";
import { glassNow } from "./glass.ts";
import { troubleNow } from "./trouble.ts";

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}

/** What a person or a load balancer wants to know: can it write, what is the head, what is connected. */
export async function health(deps: Deps): Promise<{ readonly ok: boolean; readonly checks: readonly Check[] }> {
  const names = [...deps.connectors.keys()].toSorted().join(", ");
  const checks = [
    await storeCheck(deps),
    logCheck(deps),
    await rulesCheck(deps),
    await glassCheck(deps),
    { name: "connectors", ok: names !== "", text: names || "none configured" },
  ];
  return { ok: checks.every((c) => c.ok), checks };
}

/** Whoever remembers another log than the database holds is believed until a person has found out why. */
function logCheck({ alarms = () => [] }: Deps): Check {
  const [first, ...more] = alarms();
  if (first === undefined) return { name: "log", ok: true, text: "nobody remembers another" };
  return { name: "log", ok: false, text: `${first.message}${more.length === 0 ? "" : `, and ${more.length} more`}` };
}

/** Nobody is turned away for it: it is a person's to mend, and no machine's. */
async function glassCheck(deps: Deps): Promise<Check> {
  try {
    const { open, overdue } = await glassNow(deps);
    const late = overdue === 0 ? "" : `; OVERDUE: ${overdue}`;
    return { name: "glass", ok: true, text: open === 0 ? "none is broken" : `broken and not yet reviewed: ${open}${late}` };
  } catch (error) {
    deps.report({ what: "health check of broken glass", error });
    return { name: "glass", ok: false, text: "what was broken cannot be read" };
  }
}

async function rulesCheck(deps: Deps): Promise<Check> {
  try {
    const { bundle, directory } = await rulesInForce(deps);
    return { name: "rules", ok: true, text: `policy ${bundle.name}, ${directory.persons.length} people` };
  } catch (error) {
    deps.report({ what: "health check of the rules in force", error });
    return { name: "rules", ok: false, text: "the policy or the directory in force cannot be read" };
  }
}

async function storeCheck(deps: Deps): Promise<Check> {
  try {
    const head = await deps.store.head();
    const trouble = await troubleNow(deps);
    if (trouble !== undefined) return { name: "store", ok: false, text: `nothing can be written: ${trouble}` };
    return { name: "store", ok: true, text: `ledger size ${head.size}` };
  } catch (error) {
    deps.report({ what: "health check of the store", error });
    return { name: "store", ok: false, text: "the store does not answer" };
  }
}
