/** Targets that are programs and servers: an API over HTTP, a command, and a Terraform workspace. */
import { execFile } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { plain, Witness, type Held, type Listener, type Sign, type Target } from "./connectors-target.ts";

const run = promisify(execFile);

const EFFECT = { resource_kind: "value", reversibility: "reversible", exposure: "internal", privilege: "none" } as const;
const PARAMETERS = { value: { type: "string", pattern: "[a-z]+-[0-9]+" } } as const;

/** A server in this process: it logs each request, and can keep one waiting before it writes or before it answers. */
export async function httpTarget(system: string): Promise<Target> {
  const state = { value: "first-0", version: 1 };
  const written: string[] = [];
  let [listener, held]: [Listener | undefined, Held | undefined] = [undefined, undefined];
  const sign = async (which: Sign, value: string): Promise<void> => {
    const told = listener?.(which, value);
    if (held?.sign === which && held.value === value) await told;
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const answer = (status: number): void => {
      const health = state.value.startsWith("bad") ? "bad" : "good";
      const headers = { "content-type": "application/json", etag: `"v${state.version}"` };
      response.writeHead(status, headers).end(JSON.stringify({ value: state.value, health }));
    };
    if (request.method === "GET") return answer(200);
    const { value } = JSON.parse(body) as { value: string };
    await sign("begins", value);
    if (request.headers["if-match"] !== `"v${state.version}"`) return answer(412);
    Object.assign(state, { value, version: state.version + 1 });
    written.push(value);
    await sign("written", value);
    answer(200);
  };
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const probe = { path: "/value", select: { value: "/value", health: "/health" } };
  const operation = {
    name: "set",
    summary: "Sets {value}",
    parameters: PARAMETERS,
    effect: { kind: "update", resource: "value", ...EFFECT },
    probe,
    compare: "etag",
    request: { method: "PUT", path: "/value", body: { value: "{value}" } },
    verify: { fields: { value: "{value}", health: "good" } },
    undo: { operation: "set", arguments: { value: "{before.value}" } },
    tests: [{ name: "one", arguments: { value: "good-1" }, expect: { resource: `http:${system}#value` } }],
  };
  return {
    ...plain,
    connectors: ["http"],
    settings: { http: { allow_private: [origin] } },
    declarations: { http: [{ system, origin, environment: "production", operations: [operation] }] },
    steps: async (value) => [{ connector: "http", input: { system, operation: "set", arguments: { value } } }],
    value: async () => state.value,
    writes: async (value) => written.filter((each) => each === value).length,
    mend: async (value) => void Object.assign(state, { value, version: state.version + 1 }),
    listen: (to, wait) => void ([listener, held] = [to, wait]),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((done) => void server.close(() => done()));
    },
  };
}

/** A script that keeps a value in a file, and says in its log when it begins to write and when it has written. */
export function commandTarget(folder: string): Target {
  mkdirSync(folder, { recursive: true });
  const [program, file] = [join(folder, "set-value"), join(folder, "value")];
  const witness = new Witness(folder);
  writeFileSync(file, "first-0\n");
  writeFileSync(
    program,
    `#!/bin/sh
set -eu
case "$1" in
  --current) cat '${file}' ;;
  --healthy) ! grep -q '^bad' '${file}' ;;
  --to)
    shift
    ${witness.note("begins")}
    printf '%s\\n' "$1" > '${file}.next' && mv '${file}.next' '${file}'
    ${witness.note("written")}
    ;;
esac
`,
  );
  chmodSync(program, 0o755);
  const operation = {
    name: "set",
    summary: "Sets {value}",
    parameters: PARAMETERS,
    effect: { kind: "execute", resource: "value", ...EFFECT },
    run: { argv: [program, "--to", "{value}"], timeout_seconds: 20 },
    probe: { argv: [program, "--current"] },
    verify: { fields: { output: "{value}" } },
    check: { argv: [program, "--healthy"] },
    undo: { operation: "set", arguments: { value: "{before.output}" } },
    tests: [{ name: "one", arguments: { value: "good-1" }, expect: { resource: "command:box#value" } }],
  };
  return {
    ...plain,
    connectors: ["command"],
    settings: { command: { programs: [program], probes: [`${program} --current`] } },
    declarations: { command: [{ system: "box", environment: "production", operations: [operation] }] },
    steps: async (value) => [{ connector: "command", input: { system: "box", operation: "set", arguments: { value } } }],
    value: async () => readFileSync(file, "utf8").trim(),
    writes: async (value) => witness.writes(value),
    async mend(value) {
      writeFileSync(`${file}.mended`, `${value}\n`);
      renameSync(`${file}.mended`, file);
    },
    listen: (to, wait) => witness.listen(to, wait),
    close: async () => witness.close(),
  };
}

export const TERRAFORM = ["/usr/local/bin/terraform", "/usr/bin/terraform"].find((path) => existsSync(path));

interface State {
  readonly serial: number;
  readonly resources: readonly {
    readonly name: string;
    readonly instances: readonly { readonly attributes: { readonly input?: { readonly value?: unknown } } }[];
  }[];
}

/** A workspace with its state in a file: the value is what the state says; a provisioner's log counts how often it was made so. */
export function terraformTarget(folder: string): Target {
  const [source, stateFile] = [join(folder, "config"), join(folder, "state", "net.tfstate")];
  for (const each of [source, join(folder, "state")]) mkdirSync(each, { recursive: true });
  const witness = new Witness(folder);
  const script = join(folder, "provision");
  writeFileSync(script, `#!/bin/sh\nset -eu\n${witness.note("begins")}\n${witness.note("written")}\n`);
  chmodSync(script, 0o755);
  writeFileSync(
    join(source, "main.tf"),
    `terraform {
  backend "local" {
    path = ${JSON.stringify(stateFile)}
  }
}
variable "value" {
  type = string
}
resource "terraform_data" "value" {
  input            = var.value
  triggers_replace = [var.value]
  provisioner "local-exec" {
    command = "${script} \${self.triggers_replace[0]}"
  }
}
check "healthy" {
  assert {
    condition     = !startswith(terraform_data.value.output, "bad")
    error_message = "it is bad"
  }
}
`,
  );
  return {
    ...plain,
    connectors: ["terraform"],
    settings: {
      terraform: [{ name: "net", source, environment: "production", binary: TERRAFORM ?? "terraform", variables: ["value:string"] }],
    },
    steps: async (value) => [{ connector: "terraform", input: { workspace: "net", operation: "apply", variables: { value } } }],
    value: async () => valueIn(stateFile),
    writes: async (value) => witness.writes(value),
    async mend(value) {
      const dir = mkdtempSync(join(folder, "beside-"));
      cpSync(source, dir, { recursive: true });
      const env = { PATH: process.env["PATH"] ?? "", HOME: dir, CHECKPOINT_DISABLE: "1", TF_IN_AUTOMATION: "1", TF_VAR_value: value };
      for (const args of [["init"], ["apply", "-auto-approve"]]) await run(TERRAFORM ?? "", [...args, "-input=false"], { cwd: dir, env });
    },
    listen: (to, wait) => witness.listen(to, wait),
    close: async () => witness.close(),
  };
}

function valueIn(stateFile: string): string {
  if (!existsSync(stateFile)) return "nothing";
  const { resources } = JSON.parse(readFileSync(stateFile, "utf8")) as State;
  const [resource] = resources;
  const value = resource?.instances[0]?.attributes.input?.value;
  if (resources.length > 1 || (resource?.instances.length ?? 0) > 1) return "a part";
  return typeof value === "string" ? value : JSON.stringify(value ?? "nothing");
}
