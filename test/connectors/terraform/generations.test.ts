/** With the real program: much at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../../../src/core/plan/index.ts";
import { APPLY, LIMITS, World, planned, settled, skip } from "./world.ts";

const count = (effects: readonly Effect[], kind: string): number => effects.filter((effect) => effect.kind === kind).length;

/** Hundreds of resources in two generations. */
const generation = (second: boolean): string => `
variable "secret" {
  type      = string
  default   = "${second ? "canary-second-generation" : "canary-first-generation"}"
  sensitive = true
}
resource "terraform_data" "kept" {
  count = 100
  input = "same"
}
resource "terraform_data" "changed" {
  count = 100
  input = ${second ? `"v2 \${count.index}"` : `"v1 \${count.index}"`}
}
resource "terraform_data" "replaced" {
  for_each         = toset([for i in range(60) : "k\${i}"])
  triggers_replace = ${second ? "2" : "1"}
  lifecycle {
    create_before_destroy = true
  }
}
resource "terraform_data" "${second ? "renamed" : "named"}" {
  input = 1
}
${second ? "moved {\n  from = terraform_data.named\n  to   = terraform_data.renamed\n}" : ""}
${second ? "" : 'resource "terraform_data" "gone" {\n  count = 40\n  input = 1\n}'}
${second ? 'resource "terraform_data" "new" {\n  count = 50\n  input = 1\n}' : ""}
resource "terraform_data" "holds_secret" {
  input = { password = var.secret, size = ${second ? 2 : 1} }
}
output "open" {
  value = "${second ? "two" : "one"}"
}
output "closed" {
  value     = var.secret
  sensitive = true
}
`;

test(
  "[TF-20] [TF-11] [K78] hundreds of resources come, change, are replaced, move and go, and no sensitive value is seen",
  { skip },
  async (t) => {
    const world = new World(t);
    const connector = world.connector();
    const lines: string[] = [];
    world.file("main.tf", generation(false));
    const first = await settled(connector);
    assert.equal(count(first.analysis.step.effects, "create"), 302);
    assert.equal(first.analysis.step.undo.kind, "planned");
    world.file("main.tf", generation(true));
    const second = await planned(connector);
    const { effects } = second.analysis.step;
    assert.deepEqual(
      ["create", "update", "delete", "replace"].map((kind) => count(effects, kind)),
      [50, 101, 40, 60],
    );
    assert.match(
      effects.find(({ kind }) => kind === "replace")?.summary ?? "",
      /makes the new one, then destroys the old\); forced by triggers_replace/,
    );
    assert.deepEqual(
      effects.filter(({ kind }) => kind === "execute").map(({ summary }) => summary),
      ["Moves terraform_data.named to terraform_data.renamed in the state", "Changes the output closed", "Changes the output open"],
    );
    const done = await connector.apply(second.payload, second.analysis.step.stateDigest, {
      ...LIMITS,
      progress: (line) => void lines.push(line),
    });
    assert.ok(done.ok, JSON.stringify(done));
    const seen = await connector.verify(second.payload, done.value, LIMITS);
    assert.ok(seen.ok, JSON.stringify(seen));
    assert.ok(
      lines.includes("terraform_data.new[0]: create begins") &&
        lines.some((line) => line.startsWith("terraform_data.gone[0]: delete is done")),
    );
    assert.ok(
      !/canary/.test(JSON.stringify([first.analysis, second.analysis, done, seen, lines]) + Buffer.from(second.payload).toString()),
    );
    assert.match(world.state, /canary-second-generation/);
    const again = await connector.analyse(APPLY, LIMITS);
    assert.ok(!again.ok && again.error.code === "terraform_no_change");
  },
);
