/** A connector of one word: what its payload says is done, here or in a process of its own. */
import { digestOf, fail, ok, type Digest, type JsonObject } from "../../src/core/base/index.ts";
import type { Connector } from "../../src/control/ports.ts";

export type Acts = Readonly<Record<string, (argument: string) => unknown>>;
export const SEEN: Digest = digestOf("seen");

export function probe(acts: Acts, needs: NonNullable<Connector["needs"]> = { read: [], write: [] }): Connector {
  const act = (payload: Uint8Array): JsonObject => {
    const [word = "", argument = ""] = new TextDecoder().decode(payload).split(" ");
    return (acts[word]?.(argument) ?? {}) as JsonObject;
  };
  const performed = async (payload: Uint8Array) => ok({ facts: act(payload) });
  return {
    name: "probe",
    digest: digestOf("probe"),
    needs,
    async admit(input) {
      if (input !== "good") return fail([{ code: "not_good", message: "this is not good", where: "/text" }]);
      return ok({ input, names: { system: "probe", environment: "test", resources: ["probe:a"] } });
    },
    analyse: async () => fail({ code: "no_plan", message: "this makes no plans", details: { because: ["it", "does", "not"] } }),
    async observe(payload, { progress }) {
      progress?.("looking");
      return ok({ stateDigest: SEEN, context: { seen: JSON.stringify(act(payload)) } });
    },
    apply: performed,
    verify: performed,
    undo: performed,
  };
}
