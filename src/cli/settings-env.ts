import type { Setting, SettingsFault } from "./settings-file.ts";

export interface Override {
  readonly value: unknown;
  readonly from: string;
}

/** Settings by name that the environment gives; an empty variable counts as absent. They are judged like those of the file. */
export function readEnvironment(settings: readonly Setting[], env: Readonly<Record<string, string | undefined>>) {
  const values = new Map<string, Override>();
  const faults: SettingsFault[] = [];
  for (const { name, env: variable, type } of settings) {
    const given = variable === undefined ? undefined : env[variable];
    if (variable === undefined || given === undefined || given === "" || variable === "PAWL_LISTEN") continue;
    values.set(name, { value: type === "integer" && /^\d+$/.test(given) ? Number(given) : given, from: variable });
  }
  if (values.has("database.url")) values.set("database.kind", { value: "postgres", from: "PAWL_DATABASE_URL" });
  const listen = env["PAWL_LISTEN"];
  if (listen !== undefined && listen !== "") readListen(listen, values, faults);
  return { values, faults };
}

/** `7295`, `host`, `host:port`, `[::1]:port` or `:port`. */
function readListen(text: string, values: Map<string, Override>, faults: SettingsFault[]): void {
  const from = "PAWL_LISTEN";
  const match = /^(?:(\d{1,5})|(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]*))(?::(\d{1,5}))?)$/.exec(text);
  if (match === null) {
    faults.push({
      code: "setting_invalid",
      message: "PAWL_LISTEN is not an address to listen on",
      where: from,
      remedy: "write host:port, such as 127.0.0.1:7295 or [::1]:7295",
    });
    return;
  }
  const host = match[2] ?? match[3] ?? "";
  const port = match[1] ?? match[4];
  if (host !== "") values.set("listen.host", { value: host, from });
  if (port !== undefined) values.set("listen.port", { value: Number(port), from });
}
