/** Connector `http`: asks an API what a declared operation says. Its rules are in docs/spec/operations.md. */
import type { Connector } from "../../control/ports.ts";
import { assert, digestJson, ok } from "../../core/base/index.ts";
import { operated } from "../operated.ts";
import { analyseAsked } from "./analyse.ts";
import { checkHttp } from "./credentials.ts";
import { applyPayload, current, undoPayload, verifyPayload, type Execution } from "./execute.ts";
import { decodePayload } from "./payload.ts";
import type { HttpOptions } from "./types.ts";

export { checkHttp } from "./credentials.ts";
export type { Address, Credential, HttpOptions } from "./types.ts";

/** Raised with every change to what the connector derives or does. */
const VERSION = 1;

export function httpConnector(options: HttpOptions): Connector {
  const faults = checkHttp(options);
  assert(faults.length === 0, `the credentials were checked when they were read: ${faults[0]?.message ?? ""}`);
  const variables = options.credentials.flatMap(({ valueEnv }) => valueEnv ?? []);
  return {
    digest: digestJson({
      connector: "http",
      version: VERSION,
      allow_private: options.allowPrivate.toSorted(),
      credentials: options.credentials.map(({ name, origins, header, scheme }) => ({
        name,
        origins: origins.toSorted(),
        header,
        scheme: scheme ?? null,
      })),
    }),
    needs: { read: variables, write: variables },
    ...operated({
      name: "http",
      options,
      secretsPlace: "what requests must carry is a credential of the settings",
      analyse: analyseAsked,
      decode: decodePayload,
      observe: async (execution) => {
        const now = await current(execution);
        return now.ok ? ok({ stateDigest: now.value.digest, context: contextOf(execution, now.value.seen?.etag) }) : now;
      },
      apply: applyPayload,
      verify: verifyPayload,
      undo: undoPayload,
    }),
  };
}

function contextOf({ payload: { origin, look } }: Execution, etag: string | undefined): Readonly<Record<string, string>> {
  return look === undefined ? {} : { looked_at: `${origin}${look.target}`, ...(etag === undefined ? {} : { etag: etag.slice(0, 200) }) };
}
