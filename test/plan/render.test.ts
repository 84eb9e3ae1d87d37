/** What a reviewer sees in a terminal, whole, to be read by whoever changes it. `PAWL_UPDATE_GOLDEN=1` writes it anew. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import test from "node:test";
import { present, renderText } from "../../src/core/presentation/index.ts";
import type { RenderContext } from "../../src/core/presentation/index.ts";
import { samplePlan, sampleRoute } from "../../src/testing/plans.ts";

const context: RenderContext = {
  facts: [
    { label: "status", text: "awaiting votes" },
    { label: "revision", text: "2" },
    { label: "expires", text: "in 3 h 49 min" },
  ],
  votes: [{ seat: "identity", text: "ines approved, 4 minutes ago", approves: true }],
  trace: [
    {
      rule: "docs-are-automatic",
      outcome: "auto",
      fired: false,
      when: "effects.all(e, e.resource.endsWith('.md'))",
      reason: "Documentation alone needs nobody",
      parts: [{ text: "effects.all(e, e.resource.endsWith('.md'))", value: false }],
    },
  ],
};

for (const [width, color] of [
  [100, false],
  [80, false],
  [100, true],
] as const) {
  const name = `plan-${width}${color ? "-color" : ""}.txt`;
  test(`[PL-36, PL-37] the sample plan on a terminal of ${width} columns is ${name}`, () => {
    const path = resolve(import.meta.dirname, "golden", name);
    const text = renderText(present(samplePlan(), sampleRoute), { width, color, context });
    if (process.env["PAWL_UPDATE_GOLDEN"] === "1") {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    assert.equal(text, readFileSync(path, "utf8"));
  });
}
