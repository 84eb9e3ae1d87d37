import type { Command } from "commander";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { visible } from "../../core/base/index.ts";
import type { TokenView } from "../../control/types.ts";
import { type Context, knownNames } from "../context.ts";
import { usage } from "../errors.ts";
import { table } from "../terminal.ts";
import { moment } from "../words.ts";

interface CreateOptions {
  readonly for: string;
  readonly label?: string;
  readonly save?: string;
}

export function define(command: Command, context: Context): void {
  command
    .command("create")
    .description("make a token; it is shown this once")
    .requiredOption("--for <principal>", "whose: human:…, agent:… or workload:… of the directory")
    .option("--label <text>", "what it is for")
    .option("--save <name>", "keep it in <data dir>/tokens/NAME for --as NAME, and do not show it")
    .action((options: CreateOptions) => create(context, options));
  command
    .command("list")
    .description("tokens that you may see and revoke")
    .action(() => list(context));
  command
    .command("revoke")
    .description("end a token at once")
    .argument("<token-id>", "tok_…, as `pawl token list` shows it")
    .action(async (id: string) => {
      const view = await context.known.delete<TokenView>(`/v1/tokens/${encodeURIComponent(id)}`);
      context.terminal.answer(view, () => [`${view.id}  revoked`]);
    });
}

async function create(context: Context, { for: principal, label, save }: CreateOptions): Promise<void> {
  const { terminal } = context;
  const folder = join(context.settings.dataDir, "tokens");
  if (save !== undefined && !/^[a-z0-9][a-z0-9._-]{0,63}$/.test(save))
    throw usage("this is no name for a token", { where: "--save", remedy: "use lower-case letters, digits, dots and dashes" });
  if (save !== undefined && knownNames(folder).includes(save))
    throw usage(`there is a token named ${save} already`, {
      where: join(folder, save),
      remedy: "choose another name, or remove that file first",
    });
  const { token, view } = await context.known.post<{ readonly token: string; readonly view: TokenView }>("/v1/tokens", {
    principal,
    ...(label === undefined ? {} : { label }),
  });
  if (save === undefined) {
    terminal.answer({ token, view }, () => [token]);
    terminal.note(`${view.id} for ${visible(view.principal)}: shown this once, stored only as a hash`);
    return;
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, save), token, { mode: 0o600, flag: "wx" });
  terminal.answer({ view, file: join(folder, save) }, () => [`${view.id}  ${visible(view.principal)}  in ${join(folder, save)}`]);
}

async function list(context: Context): Promise<void> {
  const { tokens } = await context.known.get<{ readonly tokens: readonly TokenView[] }>("/v1/tokens");
  const state = ({ revoked, expires_at: end }: TokenView): string =>
    revoked ? "revoked" : end !== undefined && end <= context.io.now() ? "expired" : "valid";
  context.terminal.answer({ tokens }, () =>
    table(context.terminal, [
      { title: "TOKEN", cells: tokens.map(({ id }) => id) },
      { title: "", cells: tokens.map(state), style: (cell) => (cell === "valid" ? "green" : "dim") },
      { title: "WHOSE", cells: tokens.map(({ principal }) => principal) },
      { title: "MADE", cells: tokens.map(({ created_at: at }) => moment(at)) },
      { title: "FOR", cells: tokens.map(({ label }) => label), flexible: true },
    ]),
  );
}
