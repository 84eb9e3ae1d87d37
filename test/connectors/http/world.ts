import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { httpConnector, type HttpOptions } from "../../../src/connectors/http/index.ts";
import { findSecretsInWords } from "../../../src/connectors/git/index.ts";
import { byDeclarations } from "../../../src/control/index.ts";
import type { Connector } from "../../../src/control/ports.ts";
import { digestOf } from "../../../src/core/base/index.ts";
import { Api } from "./api.ts";

/** Long, and like nothing else: whatever it is found in has it from here. */
export const CANARY = "canary-4f1d9c02b7e86a35";

const EXAMPLE = readFileSync(new URL("../../../examples/connectors/tickets-and-flags.yaml", import.meta.url), "utf8");

/** The example's systems, where this API is. */
export const exampleAt = (origin: string): string => EXAMPLE.replaceAll(/https:\/\/(tickets|flags)\.example\.com/g, origin);

export interface HttpWorld {
  readonly api: Api;
  readonly options: HttpOptions;
  readonly text: string;
  readonly connector: (more?: Partial<HttpOptions>, text?: string) => Connector;
}

export const optionsFor = (origin: string): HttpOptions => ({
  credentials: ["tickets", "flags", "flags-reader"].map((name) => ({
    name,
    origins: [origin],
    header: "Authorization",
    scheme: "Bearer",
    valueEnv: "PAWL_TEST_CREDENTIAL",
  })),
  allowPrivate: [origin],
  secretKey: new Uint8Array(32).fill(7),
  random: (bytes) => new Uint8Array(bytes).fill(5),
  findSecrets: findSecretsInWords,
  env: { PAWL_TEST_CREDENTIAL: CANARY },
});

export async function world(t: TestContext, change: (text: string) => string = (text) => text): Promise<HttpWorld> {
  const api = await Api.open(t);
  const text = change(exampleAt(api.origin));
  const options = optionsFor(api.origin);
  return {
    api,
    options,
    text,
    connector: (more = {}, other = text) =>
      byDeclarations(httpConnector({ ...options, ...more }), async () => ({ text: other, digest: digestOf(other) })),
  };
}

export const LIMITS = { timeoutMillis: 20_000 };
export const MOVE = { system: "tickets", operation: "transition", arguments: { ticket: "OPS-1", status: "done" } };
export const ROLL = { system: "flags", operation: "roll-out", arguments: { flag: "new-cart", percent: 25 } };
