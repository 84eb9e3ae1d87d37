import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";
import type { Json } from "../../core/base/index.ts";
import { analysePlan } from "./analyse-plan.ts";
import type { PlanAnalysis } from "./analyse-plan.ts";

const CORPUS = process.env["PAWL_CORPUS"] ?? resolve(import.meta.dirname, "../../../../shared/corpus");
const KEY = new Uint8Array(32).fill(7);
const FOLDERS = ["terraform-plans-checkov", "terraform-plans-terraform-json"].map((name) => join(CORPUS, name));
const skip = FOLDERS.every((folder) => existsSync(folder)) ? false : `there is no corpus in ${CORPUS}`;

const files = (): readonly string[] =>
  FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile() && one.name !== "LICENSE"),
  )
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();

const analyse = (bytes: Uint8Array) =>
  analysePlan({ bytes, system: "terraform:net/prod", environment: "production", provenance: "claimed", secretKey: KEY });

/** The naive reading that ours is held against. */
function naive(bytes: Buffer): Record<string, Json> | undefined {
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe;
  try {
    return JSON.parse(wide ? bytes.subarray(2).toString("utf16le") : bytes.toString("utf8").replace(/^\ufeff/, "")) as Record<string, Json>;
  } catch {
    return undefined;
  }
}

type Changes = readonly { change: { actions: string[]; before: Json; after: Json; before_sensitive?: Json; after_sensitive?: Json } }[];

test("[TF-10] every plan of the corpus is read, or refused with a reason, and counted as its actions say", { skip }, () => {
  const refused: Record<string, string> = {};
  let read = 0;
  for (const file of files()) {
    const bytes = readFileSync(file);
    const answer = analyse(bytes);
    if (!answer.ok) {
      assert.ok(answer.error.message.length > 20 && answer.error.remedy !== undefined);
      refused[relative(CORPUS, file).split("/").slice(-2).join("/")] = answer.error.code;
      continue;
    }
    read++;
    const changes = (naive(bytes)?.["resource_changes"] ?? []) as unknown as Changes;
    const has = (...actions: string[]) => changes.filter(({ change }) => actions.every((one) => change.actions.includes(one))).length;
    const replaces = has("delete", "create");
    const kinds = (kind: string) => answer.value.effects.filter((effect) => effect.kind === kind).length;
    assert.deepEqual(
      { create: kinds("create"), update: kinds("update"), delete: kinds("delete"), replace: kinds("replace") },
      { create: has("create") - replaces, update: has("update"), delete: has("delete") - replaces, replace: replaces },
      file,
    );
  }
  assert.ok(read >= 70, `${read} plans were read`);
  assert.deepEqual(refused, {
    "plan/corrupted-tfplan.json": "terraform_plan_format",
    "plan_vpc_endpoint/tfplan.json": "terraform_plan_format",
    "invalid/plan.json": "terraform_plan_unreadable",
    "invalid/state.json": "terraform_plan_unreadable",
  });
});

/** Texts that a change marks as sensitive. */
function* marked(value: Json, mask: Json): Generator<string> {
  if (typeof value === "string" && mask === true) yield value;
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value))
    yield* marked(
      member,
      mask === true ? true : typeof mask === "object" && mask !== null ? ((mask as Record<string, Json>)[name] ?? false) : false,
    );
}

test("[TF-12] [K78] no value that a plan marks as sensitive is in its analysis", { skip }, () => {
  let met = 0;
  for (const file of files()) {
    const bytes = readFileSync(file);
    const answer = analyse(bytes);
    if (!answer.ok) continue;
    const said = JSON.stringify(answer.value);
    const plan = naive(bytes);
    const outputs = Object.values((plan?.["output_changes"] ?? {}) as Record<string, Changes[number]["change"]>).map((change) => ({
      change,
    }));
    for (const { change } of [...((plan?.["resource_changes"] ?? []) as unknown as Changes), ...outputs]) {
      for (const [value, mask] of [
        [change.before, change.before_sensitive],
        [change.after, change.after_sensitive],
      ]) {
        for (const secret of marked(value ?? null, mask ?? false)) {
          if (secret.length < 4) continue;
          met++;
          assert.ok(!said.includes(secret), `${file} shows what it marks as sensitive`);
        }
      }
    }
  }
  assert.ok(met > 0, "the corpus has sensitive values");
});

interface Shape {
  readonly address?: string;
  readonly type?: string;
  readonly actions: readonly string[];
  readonly before?: Json;
  readonly after?: Json;
  readonly more?: Record<string, Json>;
  readonly change?: Record<string, Json>;
}

function planOf(shapes: readonly Shape[], more: Record<string, Json> = {}): Buffer {
  const resources = shapes.map(
    ({ address = "aws_instance.web", type = "aws_instance", actions, before = null, after = null, more: also, change }) => ({
      address,
      mode: "managed",
      type,
      name: "web",
      ...also,
      change: { actions, before, after, after_unknown: {}, before_sensitive: {}, after_sensitive: {}, ...change },
    }),
  );
  return Buffer.from(
    JSON.stringify({ format_version: "1.2", terraform_version: "1.11.4", planned_values: {}, resource_changes: resources, ...more }),
  );
}

function of(bytes: Uint8Array): PlanAnalysis {
  const answer = analyse(bytes);
  assert.ok(answer.ok, answer.ok ? "" : answer.error.message);
  return answer.value;
}
const codes = (analysis: PlanAnalysis): readonly string[] => analysis.findings.map(({ code }) => code);

test("[TF-11] a replacement says which attribute forces it, and in which order", () => {
  const forced = planOf([
    { actions: ["delete", "create"], before: { ami: "a" }, after: { ami: "b" }, change: { replace_paths: [["ami"], ["disk", 0, "size"]] } },
  ]);
  const [effect] = of(forced).effects;
  assert.equal(effect?.kind, "replace");
  assert.equal(effect?.summary, "Replaces aws_instance.web (destroys the old one, then makes the new); forced by ami, disk[0].size");
  const tainted = planOf([
    { actions: ["create", "delete"], more: { action_reason: "replace_because_tainted" }, before: { a: 1 }, after: { a: 1 } },
  ]);
  assert.match(of(tainted).effects[0]?.summary ?? "", /makes the new one, then destroys the old\): it is marked as tainted/);
});

test("[TF-11] imports, moves, forgetting, reads, outputs and actions are effects of their own", () => {
  const analysis = of(
    planOf(
      [
        { address: "a.imported", actions: ["no-op"], change: { importing: { id: "i-1" } } },
        { address: "a.moved", actions: ["no-op"], more: { previous_address: "a.old" } },
        { address: "a.forgotten", actions: ["forget"], before: { x: 1 } },
        { address: "data.a.read", actions: ["read"], after: { x: 1 } },
        { address: "a.same", actions: ["no-op"] },
      ],
      {
        output_changes: {
          o: { actions: ["update"], before: 1, after: 2, after_unknown: false, before_sensitive: false, after_sensitive: false },
        },
        action_invocations: [{ address: "action.x.y" }],
      },
    ),
  );
  assert.deepEqual(
    analysis.effects.map(({ kind, resource, summary }) => [kind, resource.split("#")[1], summary.split(" ")[0]].join(" ")).toSorted(),
    [
      "execute a.forgotten Forgets",
      "execute a.imported Imports",
      "execute a.moved Moves",
      "execute action.x.y Runs",
      "execute data.a.read Reads",
      "execute output.o Changes",
    ],
  );
});

test("[TF-11] what is known only after the apply is said to be so", () => {
  const [effect] = of(
    planOf([{ actions: ["create"], after: { a: 1 }, change: { after_unknown: { id: true, list: [{ x: true }] } } }]),
  ).effects;
  assert.deepEqual(
    effect?.fields.map(({ path, after }) => [path, after?.kind === "json" ? after.value : after]),
    [
      ["a", 1],
      ["id", { known_after_apply: true }],
      ["list[0].x", { known_after_apply: true }],
    ],
  );
});

test("[TF-12] [K79] sensitive values are keyed digests, also where they stand unmarked, and by their names", () => {
  const analysis = of(
    planOf([
      {
        actions: ["update"],
        before: { password: "old-canary-1", url: "x", user_data: "y" },
        after: { password: "new-canary-2", url: "db://u:new-canary-2@h", user_data: "z", api_key: "named-canary-3" },
        change: { before_sensitive: { password: true }, after_sensitive: { password: true } },
      },
    ]),
  );
  assert.ok(!/canary/.test(JSON.stringify(analysis)));
  const kinds = Object.fromEntries(analysis.effects[0]?.fields.map(({ path, after }) => [path, after?.kind]) ?? []);
  assert.deepEqual(kinds, { password: "secret", url: "secret", user_data: "json", api_key: "secret" });
});

test("[TF-12] where a plan does not say what is sensitive, no text of it is shown", () => {
  const analysis = of(planOf([{ actions: ["create"], after: { a: "hello", n: 3 }, change: {} }]));
  assert.equal(analysis.effects[0]?.fields[0]?.after?.kind, "json");
  const bytes = Buffer.from(
    planOf([{ actions: ["create"], after: { a: "hello", n: 3 } }])
      .toString()
      .replaceAll(/,"(before|after)_sensitive":\{\}/g, ""),
  );
  const blind = of(bytes);
  assert.deepEqual(
    blind.effects[0]?.fields.map(({ after }) => after?.kind),
    ["secret", "json"],
  );
  assert.ok(codes(blind).includes("terraform.sensitivity_unknown"));
});

test("[TF-13] plans that failed, of unknown formats, or of another shape are refused", () => {
  const code = (more: Record<string, Json>): string => {
    const answer = analyse(planOf([], more));
    return answer.ok ? "" : answer.error.code;
  };
  assert.equal(code({ errored: true, complete: false, applyable: false }), "terraform_plan_errored");
  assert.equal(code({ format_version: "2.0" }), "terraform_plan_format");
  assert.equal(code({ resource_changes: {} }), "terraform_plan_malformed");
  assert.equal(code({ resource_changes: [{ address: "a", type: "b", change: { actions: ["explode"] } }] }), "terraform_plan_malformed");
  const twice = analyse(Buffer.from('{"format_version":"1.2","planned_values":{},"resource_changes":[],"resource_changes":[]}'));
  assert.ok(!twice.ok && twice.error.code === "terraform_plan_unreadable");
});

test("[TF-14] what is destroyed with its data, opened to the public or given rights is found", () => {
  const found = (shape: Shape) => codes(of(planOf([shape]))).filter((code) => code !== "terraform.iam_change");
  assert.deepEqual(found({ type: "aws_db_instance", actions: ["delete"], before: { id: "x" } }), ["terraform.destroys_data"]);
  assert.deepEqual(found({ type: "google_storage_bucket", actions: ["delete", "create"] }), ["terraform.destroys_data"]);
  assert.deepEqual(found({ type: "aws_db_subnet_group", actions: ["delete"] }), []);
  const open = { ingress: [{ cidr_blocks: ["0.0.0.0/0"] }] };
  assert.deepEqual(found({ type: "aws_security_group", actions: ["create"], after: open }), ["terraform.public_exposure"]);
  assert.deepEqual(found({ type: "aws_security_group", actions: ["update"], before: open, after: { ...open, name: "x" } }), []);
  assert.deepEqual(found({ type: "aws_security_group", actions: ["create"], after: { egress: [{ cidr_blocks: ["0.0.0.0/0"] }] } }), []);
  assert.deepEqual(found({ type: "aws_s3_bucket_acl", actions: ["update"], before: { acl: "private" }, after: { acl: "public-read" } }), [
    "terraform.public_exposure",
  ]);
  const policy = JSON.stringify({ Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
  assert.deepEqual(found({ type: "aws_iam_policy", actions: ["create"], after: { policy } }), ["terraform.iam_widening"]);
  assert.deepEqual(found({ type: "google_project_iam_member", actions: ["create"], after: { role: "roles/owner" } }), [
    "terraform.iam_widening",
  ]);
});

test("[TF-15] drift is told by the names of what changed, and never by a value", () => {
  const drift = {
    address: "a.b",
    mode: "managed",
    type: "t",
    change: {
      actions: ["update"],
      before: { size: "small", id: 1 },
      after: { size: "canary-value", id: 1 },
      before_sensitive: {},
      after_sensitive: {},
    },
  };
  const analysis = of(planOf([], { resource_drift: [drift] as unknown as Json }));
  assert.deepEqual(
    analysis.findings.map(({ code, message }) => [code, message]),
    [["terraform.drift", "Somebody changed it outside Terraform: size"]],
  );
});

test("[TF-16] what is too much to be listed is counted, and marked as not shown; the destructive is listed first", () => {
  const shapes = Array.from({ length: 40 }, (_, i): Shape => ({
    address: `a.c${i}`,
    actions: i % 4 === 0 ? ["delete"] : ["create"],
    after: { v: i },
  }));
  const answer = analysePlan({
    bytes: planOf(shapes),
    system: "s",
    environment: "e",
    provenance: "derived",
    secretKey: KEY,
    limits: { effects: 15, characters: 1e6 },
  });
  assert.ok(answer.ok);
  const { effects, findings } = answer.value;
  assert.equal(effects.filter(({ kind }) => kind === "delete").length, 10);
  const rest = effects.filter(({ resourceKind }) => resourceKind === "unlisted");
  assert.deepEqual(
    rest.map(({ kind, fields, detail }) => [kind, fields[0]?.after, detail.kind]),
    [["create", { kind: "json", value: 25 }, "uninspectable"]],
  );
  assert.ok(findings.some(({ code, severity }) => code === "terraform.unlisted" && severity === "danger"));
});

test("[TF-17] two plans that say the same have one digest, whenever they were made", () => {
  const digest = (more: Record<string, Json>) => of(planOf([{ actions: ["create"], after: { a: 1 } }], more)).digest;
  assert.equal(digest({ timestamp: "1" }), digest({ timestamp: "2" }));
  assert.notEqual(digest({}), digest({ variables: { a: { value: 1 } } }));
});
