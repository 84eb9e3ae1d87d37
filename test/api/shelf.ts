import { canonical, digestJson, digestOf, fail, ok, utf8, type Digest, type Json } from "../../src/core/base/index.ts";
import type { Connector, PerformFault } from "../../src/control/ports.ts";

interface Input {
  readonly slot: string;
  readonly value: string;
}

const stateDigest = (slot: string, value: string): Digest => digestJson({ slot, value });
const inputOf = (payload: Uint8Array): Input => JSON.parse(new TextDecoder().decode(payload)) as Input;

/** A connector whose world is a shelf of named slots in memory. A slot whose name begins with `lost` loses the answer of every write; one that begins with `held` waits. */
export class Shelf {
  readonly slots = new Map<string, string>();
  readonly #held = Promise.withResolvers<void>();

  /** Nothing waits any more. */
  release(): void {
    this.#held.resolve();
  }

  connector(): Connector {
    const held = (slot: string): string => this.slots.get(slot) ?? "";
    const put = ({ slot, value }: Input) => {
      if (slot.startsWith("lost"))
        return fail<PerformFault>({ code: "no_answer", message: "the shelf did not answer", effect: "possible" });
      this.slots.set(slot, value);
      return ok({ facts: { slot } });
    };
    return {
      name: "shelf",
      digest: digestOf("shelf"),
      async admit(input) {
        const { slot, value } = (input ?? {}) as Partial<Record<keyof Input, Json>>;
        if (typeof slot !== "string" || typeof value !== "string")
          return fail([{ code: "invalid_input", message: "a slot and a value are needed", where: "" }]);
        return ok({ input: { slot, value }, names: { system: "shelf", environment: "test", resources: [`shelf:${slot}`] } });
      },
      async analyse(input) {
        const { slot, value } = input as unknown as Input;
        const payload = utf8(canonical({ slot, value }));
        const effect = {
          kind: "update" as const,
          resource: `shelf:${slot}`,
          resourceKind: "slot",
          system: "shelf",
          environment: "test",
          summary: `puts something else into ${slot}`,
          fields: [],
          detail: { kind: "none" as const },
          reversibility: "reversible" as const,
          exposure: "none" as const,
          privilege: "none" as const,
          surfaces: [],
          owners: [],
          provenance: "derived" as const,
        };
        const step = {
          operation: "put",
          target: { slot },
          stateDigest: stateDigest(slot, held(slot)),
          payloadDigest: digestOf(payload),
          observations: [],
          effects: [effect],
          undo: { kind: "planned" as const, text: "put back what was there", provenance: "derived" as const },
        };
        return ok({
          payload,
          freshForMillis: 3_600_000,
          analysis: { step, findings: [], impact: [], evidence: [], unverified: [], assumptions: [], context: { held: held(slot) } },
        });
      },
      observe: async (payload) => ok({ stateDigest: stateDigest(inputOf(payload).slot, held(inputOf(payload).slot)), context: {} }),
      apply: async (payload) => {
        if (inputOf(payload).slot.startsWith("held")) await this.#held.promise;
        return put(inputOf(payload));
      },
      verify: async (_payload, performed) => ok(performed),
      undo: async (payload) => put({ ...inputOf(payload), value: "" }),
    };
  }
}
