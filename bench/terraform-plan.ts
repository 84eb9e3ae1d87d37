/** A plan as Terraform writes one for a fleet, and, run by itself, what reading it costs in memory. */
import { analysePlan } from "../src/connectors/terraform/analyse-plan.ts";

const HEAD = (i: number) => ({
  address: `module.web.aws_instance.web[${i}]`,
  module_address: "module.web",
  mode: "managed",
  type: "aws_instance",
  name: "web",
  index: i,
  provider_name: "example.com/cloud/aws",
});

const values = (i: number, size: string) => ({
  ami: "ami-0abcdef1234567890",
  arn: `arn:aws:ec2:eu-west-1:123456789012:instance/i-${i}`,
  id: `i-${i}`,
  instance_type: size,
  private_ip: `10.0.${i >> 8}.${i & 255}`,
  root_block_device: [{ encrypted: true, volume_size: 50, volume_type: "gp3" }],
  tags: { Name: `web-${i}`, Team: "shop" },
  user_data: "#!/bin/sh\necho hello\n",
  vpc_security_group_ids: ["sg-1", "sg-2"],
});

const MASK = { root_block_device: [{}], tags: {}, vpc_security_group_ids: [false, false] };

/** Every resource is updated in place. */
export function bigPlan(count: number): Buffer {
  const all = Array.from({ length: count }, (_, i) => i);
  const module = (size: string) => ({
    root_module: {
      child_modules: [
        {
          address: "module.web",
          resources: all.map((i) => ({ ...HEAD(i), schema_version: 1, values: values(i, size), sensitive_values: MASK })),
        },
      ],
    },
  });
  const change = (i: number) => ({
    actions: ["update"],
    before: values(i, "m5.large"),
    after: values(i, "m5.xlarge"),
    after_unknown: { root_block_device: [{}], tags: {} },
    before_sensitive: MASK,
    after_sensitive: MASK,
  });
  return Buffer.from(
    JSON.stringify({
      format_version: "1.2",
      terraform_version: "1.11.4",
      planned_values: module("m5.xlarge"),
      resource_changes: all.map((i) => ({ ...HEAD(i), change: change(i) })),
      prior_state: { format_version: "1.0", terraform_version: "1.11.4", values: module("m5.large") },
      configuration: { root_module: {} },
      timestamp: "2026-01-01T00:00:00Z",
      applyable: true,
      complete: true,
      errored: false,
    }),
  );
}

export const inputOf = (bytes: Uint8Array) => ({
  bytes,
  system: "terraform:net/prod",
  environment: "production",
  provenance: "derived" as const,
  secretKey: new Uint8Array(32).fill(3),
});

/** The most that a process holds which makes a plan and then parses or analyses it, or does neither. */
if (import.meta.main) {
  const [, , count = "0", what = ""] = process.argv;
  const bytes = bigPlan(Number(count));
  if (what === "parse") JSON.parse(bytes.toString("utf8"));
  if (what === "analyse") analysePlan(inputOf(bytes));
  console.log(process.resourceUsage().maxRSS * 1024);
}
