import type { Command } from "commander";
import { once } from "node:events";
import { resolve } from "node:path";
import { visible } from "../../core/base/index.ts";
import type { NewRunner, RunnerView } from "../../control/runners-types.ts";
import type { Context } from "../context.ts";
import { refusal, taken, usage } from "../errors.ts";
import { table } from "../terminal.ts";
import { moment } from "../words.ts";

interface TokenOptions {
  readonly label: string;
  readonly environments?: string;
}

interface EnrolOptions {
  readonly trust?: string;
  readonly anew?: boolean;
}

export function define(command: Command, context: Context): void {
  command
    .command("token")
    .description("invite a runner: a token that enrols one, once, within the hour")
    .requiredOption("--label <text>", "what it is called")
    .option("--environments <names>", "the only environments that it may serve, separated by commas")
    .action((options: TokenOptions) => invite(context, options));
  command
    .command("enrol")
    .description("make this machine a runner, with --url and the --token of `pawl runner token`")
    .option("--trust <file>", "the server's trust.json, brought here by another way: the answer must name the same keys")
    .option("--anew", "put another runner in the place of the one in this data folder")
    .action((options: EnrolOptions) => enrol(context, options));
  command
    .command("run", { isDefault: true })
    .description("wait for work and do it, until stopped")
    .action(() => run(context));
  command
    .command("list")
    .description("the runners there are, and what each is there for")
    .action(() => list(context));
  command
    .command("revoke")
    .description("end a runner for good, at once: one that is lost, or no longer wanted")
    .argument("<runner-id>", "rnr_…, as `pawl runner list` shows it")
    .action(async (id: string) => {
      const view = await context.known.delete<RunnerView>(`/v1/runners/${encodeURIComponent(id)}`);
      context.terminal.answer(view, () => [`${view.id}  revoked`]);
    });
}

async function invite(context: Context, { label, environments }: TokenOptions): Promise<void> {
  const names = environments?.split(",").map((name) => name.trim());
  const { token, view } = await context.known.post<NewRunner>("/v1/runners/tokens", {
    label,
    ...(names === undefined ? {} : { environments: names }),
  });
  context.terminal.answer({ token, view }, () => [token]);
  context.terminal.note(
    `${view.id} (${visible(view.label)}), until ${moment(view.token_ends_at ?? view.created_at)}. On the runner's machine:`,
    `  pawl runner enrol --url ${context.address().url} --token ${token.slice(0, 16)}…`,
  );
}

async function enrol(context: Context, { trust, anew }: EnrolOptions): Promise<void> {
  const { terminal, io, settings } = context;
  const token = context.token();
  if (token === undefined)
    throw usage("with which token? none was given", { remedy: "an admin makes one: pawl runner token --label NAME" });
  const { enrolRunner } = await import("../../runner-process.ts");
  const { url } = context.address();
  const { protocol, hostname, origin } = new URL(url);
  if (protocol === "http:" && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname))
    terminal.warn(`the token goes to ${hostname} unencrypted, and so will what the runner finds: use https`);
  const options = {
    url: origin,
    token,
    anew: anew === true,
    ...(trust === undefined ? {} : { trust: resolve(io.cwd, trust) }),
  };
  const enrolled = taken(await enrolRunner(settings, options, io.signal), 1);
  terminal.answer(enrolled, () => [
    `This is now runner ${terminal.paint("cyan", enrolled.runner)} of ${visible(enrolled.origin)}`,
    terminal.paint("dim", `its key and its memory are in ${enrolled.folder}; connectors: ${enrolled.connectors.join(", ")}`),
  ]);
  terminal.note("start it with: pawl runner run");
  if (!enrolled.compared)
    terminal.note("whom it trusts was told by the control plane itself; --trust compares that with keys that came by another way");
}

async function run(context: Context): Promise<void> {
  const { terminal, settings, io } = context;
  const { startRunner } = await import("../../runner-process.ts");
  const running = taken(await startRunner(settings, { log: (line) => terminal.note(...line.split("\n").map((each) => visible(each))) }), 1);
  const { runner, origin, urls, connectors, environments } = running;
  terminal.answer({ runner, origin, urls, connectors, environments }, () => [
    `Runner ${terminal.paint("cyan", runner)} waits for work of ${visible(origin)} at ${urls.join(", ")}`,
    terminal.paint("dim", `connectors ${connectors.join(", ")}; environments ${environments.join(", ") || "all"}; stop with Ctrl-C`),
  ]);
  const stopped = io.signal.aborted ? Promise.resolve() : once(io.signal, "abort");
  const end = await Promise.race([running.ended, stopped.then(() => undefined)]);
  if (end === undefined) terminal.note("stopping; what is under way is finished first …");
  await running.close();
  if (end?.ok === false)
    throw refusal(end.error.code, end.error.message, end.error.remedy === undefined ? {} : { remedy: end.error.remedy });
}

async function list(context: Context): Promise<void> {
  const { runners } = await context.known.get<{ readonly runners: readonly RunnerView[] }>("/v1/runners");
  const { terminal } = context;
  terminal.answer({ runners }, () => {
    if (runners.length === 0) return ["no runner elsewhere; `pawl runner token` invites one"];
    return table(terminal, [
      { title: "RUNNER", cells: runners.map(({ id }) => id) },
      { title: "", cells: runners.map(({ status }) => status), style: (cell) => (cell === "connected" ? "green" : "dim") },
      { title: "LABEL", cells: runners.map(({ label }) => label), flexible: true },
      { title: "CONNECTORS", cells: runners.map(({ connectors }) => connectors.map(({ name }) => name).join(", ")) },
      { title: "ENVIRONMENTS", cells: runners.map(environmentsOf) },
      { title: "SINCE", cells: runners.map(({ updated_at: at }) => moment(at)) },
    ]);
  });
}

const environmentsOf = ({ environments, allowed_environments: allowed }: RunnerView): string =>
  environments.length > 0 ? environments.join(", ") : allowed.length > 0 ? `of ${allowed.join(", ")}` : "all";
