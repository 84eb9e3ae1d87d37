import { refused, type ApiRefusal } from "./problems.ts";
import type { ApiSettings } from "./settings.ts";

/** Under which names this server answers. A name that is not listed is somebody's DNS pointed at us. */
export interface Names {
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
}

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]", ""]);

export function namesOf(settings: ApiSettings, port: number): Names {
  const own = ["localhost", "127.0.0.1", "[::1]", ...(WILDCARDS.has(settings.host) ? [] : [bracketed(settings.host)])];
  const local = own.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  const further = (settings.hosts ?? []).map((host) => host.toLowerCase());
  const outer = settings.publicOrigin === undefined ? undefined : new URL(settings.publicOrigin);
  const standard = outer?.protocol === "https:" ? "443" : "80";
  const outerHosts = outer === undefined ? [] : [outer.host, ...(outer.port === "" ? [`${outer.host}:${standard}`] : [])];
  return {
    hosts: new Set([...local, ...further, ...outerHosts]),
    origins: new Set([...local, ...further].map((host) => `http://${host}`).concat(outer === undefined ? [] : [outer.origin])),
  };
}

const bracketed = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host.toLowerCase()}]` : host.toLowerCase());

interface Asked {
  readonly method: string;
  /** Each header with all its values, as they came. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
}

/** Refuses what a browser was talked into: a rebound name, or another site's page that changes something here. */
export function refusedByOrigin(names: Names, asked: Asked): ApiRefusal | undefined {
  const hosts = asked.headers["host"] ?? [];
  if (hosts.length === 0) return refused("invalid", "no_host", "the request names no host", { where: "Host", status: 400 });
  if (hosts.length !== 1 || !names.hosts.has(hosts[0]?.toLowerCase() ?? "")) {
    return refused("forbidden", "host_not_allowed", "this server does not answer to the name in the Host header", {
      where: "Host",
      remedy: "use the configured name, localhost or 127.0.0.1, or add the name to the configured hosts",
    });
  }
  if (asked.method === "GET" || asked.method === "HEAD") return undefined;
  const foreign = (asked.headers["origin"] ?? []).find((origin) => !names.origins.has(origin.toLowerCase()));
  if (foreign !== undefined) {
    return refused("forbidden", "foreign_origin", "a page of another origin may not change anything here", { where: "Origin" });
  }
  const site = (asked.headers["sec-fetch-site"] ?? []).find((value) => value !== "same-origin" && value !== "none");
  if (site !== undefined) {
    return refused("forbidden", "foreign_origin", "a page of another site may not change anything here", { where: "Sec-Fetch-Site" });
  }
  return undefined;
}
