/** A runner as the API meets it: invited, enrolled with a key of its own, and signing. */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { digestOf, type RunnerId } from "../../src/core/base/index.ts";
import { requestMessage, runnerCredential, type RequestClaim } from "../../src/core/runner/index.ts";
import { ask } from "./harness.ts";
import type { ApiWorld } from "./world.ts";

const NAMES = ["far", "shelf"];
export const DECLARED = { connectors: NAMES.map((name) => ({ name, digest: digestOf(name) })), environments: [], labels: ["test"] };

export interface TestRunner {
  readonly id: RunnerId;
  readonly origin: string;
  epoch: number;
  /** The Authorization header of a request; `over` replaces what is claimed, not what is signed for it. */
  /** By its own key. */
  readonly sign: (message: Uint8Array) => Uint8Array;
  credential(method: string, url: string, body?: unknown, over?: Partial<RequestClaim>): string;
  ask(method: "GET" | "POST", url: string, body?: unknown): ReturnType<typeof ask>;
}

export async function enrolled(
  app: FastifyInstance,
  world: ApiWorld,
  environments?: readonly string[],
  connectors: readonly unknown[] = DECLARED.connectors,
): Promise<TestRunner> {
  const invited = await ask(app, {
    method: "POST",
    url: "/v1/runners/tokens",
    bearer: world.bearers.human,
    body: { label: "a runner", ...(environments === undefined ? {} : { environments }) },
  });
  assert.equal(invited.statusCode, 201, invited.body);
  const { token } = invited.json<{ token: string }>();
  const { privateKey } = generateKeyPairSync("ed25519");
  const key = createPublicKey(privateKey).export({ type: "spki", format: "der" }).subarray(-32).toString("base64");
  const declared = { ...DECLARED, connectors, environments: environments ?? [] };
  const made = await ask(app, { method: "POST", url: "/v1/runners/enrolment", body: { token, key, declared } });
  assert.equal(made.statusCode, 201, made.body);
  const { runner: id, trust } = made.json<{ runner: RunnerId; trust: { origin: string } }>();
  const credential: TestRunner["credential"] = (method, path, body, over = {}) => {
    const claim: RequestClaim = {
      runner: id,
      epoch: self.epoch,
      time: world.clock.now(),
      nonce: randomBytes(16).toString("hex"),
      body: digestOf(body === undefined ? "" : JSON.stringify(body)),
    };
    const signature = sign(null, requestMessage(claim, { deployment: trust.origin, method, path }), privateKey);
    return runnerCredential({ ...claim, ...over }, signature);
  };
  const self: TestRunner = {
    id,
    origin: trust.origin,
    epoch: 1,
    sign: (message) => sign(null, message, privateKey),
    credential,
    ask: (method, url, body) =>
      ask(app, { method, url, ...(body === undefined ? {} : { body }), headers: { authorization: credential(method, url, body) } }),
  };
  const begun = await self.ask("POST", "/v1/runner/session", { epoch: 1, declared });
  assert.equal(begun.statusCode, 200, begun.body);
  return self;
}
