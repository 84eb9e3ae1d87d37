import type { Command } from "commander";
import { canonical, visible, type Digest } from "../../core/base/index.ts";
import { loadBundle, runCases, type Bundle, type CaseResult, type Outcome, type RuleTrace } from "../../core/policy/index.ts";
import { proposeConfig, type ConfigOptions } from "../configuring.ts";
import type { Context } from "../context.ts";
import { refusal } from "../errors.ts";
import { changeId, readInput } from "../inputs.ts";
import { plural } from "../words.ts";

export function define(command: Command, context: Context): void {
  command
    .command("show")
    .description("the policy in force")
    .action(() => show(context));
  command
    .command("check")
    .description("look for faults in a policy; needs no server")
    .argument("<file>", "the policy; - reads standard input")
    .action(async (file: string) => {
      const { name, digest } = await load(context, file);
      context.terminal.answer({ name, digest, faults: [] }, () => [
        `${context.terminal.paint("green", "✓")} ${visible(name)} can be loaded  ${context.terminal.paint("dim", digest)}`,
      ]);
    });
  command
    .command("test")
    .description("run the cases that stand in a policy; needs no server")
    .argument("<file>", "the policy; - reads standard input")
    .action((file: string) => test(context, file));
  command
    .command("explain")
    .description("why a change is routed as it is: each rule, and the values of its condition")
    .argument("<change>", "its id", changeId)
    .option("--policy <file>", "judge by this policy instead of the one in force")
    .action((id: string, options: { readonly policy?: string }) => explain(context, id, options));
  command
    .command("propose")
    .description("propose a new policy: it changes like everything else, by a change")
    .argument("<file>", "the whole policy; - reads standard input")
    .option("--title <text>", "what changes, in one line")
    .option("--summary <text>", "why")
    .option("--wait", "follow it until it ends or waits for a person")
    .action(async (file: string, options: ConfigOptions) => {
      const { text } = await load(context, file);
      await proposeConfig(context, "policy", text, options);
    });
}

async function load(context: Context, file: string): Promise<Bundle & { readonly text: string }> {
  const text = await readInput(context, file, "the policy");
  const bundle = loadBundle(text);
  if (bundle.ok) return { ...bundle.value, text };
  throw refusal("policy_invalid", `the policy has ${plural(bundle.error.length, "fault")}`, {
    where: file,
    remedy: "docs/policy.md explains rules, facts and cases",
    faults: bundle.error.map((fault) => ({ ...fault, file })),
  });
}

async function show(context: Context): Promise<void> {
  const policy = await context.known.get<{ readonly text: string; readonly digest: Digest; readonly name: string }>("/v1/policy");
  context.terminal.answer(policy, () => visible(policy.text.trimEnd(), { lines: true }).split("\n"));
  context.terminal.note(`${visible(policy.name)}  ${visible(policy.digest)}`);
}

async function test(context: Context, file: string): Promise<void> {
  const { terminal } = context;
  const results = runCases(await load(context, file));
  const failed = results.filter(({ passed }) => !passed);
  terminal.answer({ passed: results.length - failed.length, failed: failed.length, results }, () => [
    ...results.flatMap((result) => caseLines(context, result)),
    failed.length === 0 ? `${plural(results.length, "case")} passed` : `${failed.length} of ${plural(results.length, "case")} failed`,
  ]);
  if (failed.length > 0) context.exit = 1;
}

function caseLines({ terminal }: Context, { name, passed, expected, actual }: CaseResult): string[] {
  if (passed) return [`${terminal.paint("green", "✓")} ${visible(name)}`];
  return [
    `${terminal.paint("red", "✗")} ${visible(name)}`,
    `    expected ${visible(canonical(expected))}`,
    `    actual   ${visible(canonical(actual))}`,
  ];
}

async function explain(context: Context, id: string, { policy }: { readonly policy?: string }): Promise<void> {
  const text = policy === undefined ? undefined : (await load(context, policy)).text;
  const answer = await context.known.post<{
    readonly outcome: Outcome;
    readonly lines: readonly string[];
    readonly trace: readonly RuleTrace[];
  }>("/v1/policy/explain", { change: id, ...(text === undefined ? {} : { text }) });
  context.terminal.answer(answer, () => answer.lines.map((line) => visible(line)));
}
