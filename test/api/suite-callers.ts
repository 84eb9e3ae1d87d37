import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { contractOf, routeIds, type CallerKind, type RouteId } from "../../src/api/contract/index.ts";
import { ask, refusedWith, serverFor } from "./harness.ts";
import type { ApiWorld, ApiWorldFactory } from "./world.ts";

/** Those who say who they are with a token, or not at all; a runner's signature has tests of its own. */
type Bearing = Exclude<CallerKind, "enrolled">;
const KINDS: readonly Bearing[] = ["human", "agent", "workload", "runner", "anonymous"];
/** What no machine may do, written out once more: the table alone could be wrong with itself. */
const HUMANS_ALONE: readonly RouteId[] = [
  "vote",
  "withdrawVote",
  "sendBack",
  "stop",
  "readOutcome",
  "reconcile",
  "breakGlass",
  "reviewGlass",
  "listGlass",
  "readPolicy",
  "checkPolicy",
  "testPolicy",
  "explainPolicy",
  "readDirectory",
  "createToken",
  "listTokens",
  "revokeToken",
  "inviteRunner",
  "listRunners",
  "revokeRunner",
];

interface Entry {
  readonly entry: string;
}

/** Route by route, caller by caller: who is let in, who is not, and what stands in the ledger afterwards. */
export function callersSuite(name: string, factory: ApiWorldFactory, kinds: readonly Bearing[] = KINDS): void {
  describe(`callers of the API on ${name}`, () => {
    let world: ApiWorld;
    let app: FastifyInstance;
    let id: string;
    before(async () => {
      world = await factory();
      app = serverFor(world);
      id = await world.change("awaiting");
    });
    after(async () => {
      await app.close();
      await world.close();
    });

    const urlOf = (route: RouteId): string => contractOf(route).path.replace(":id", id).replace("*", "0/000.p/1");
    const call = (route: RouteId, bearer: string | undefined) => {
      const { method, body } = contractOf(route);
      return ask(app, { method, url: urlOf(route), bearer, ...(body === undefined ? {} : { body: {} }) });
    };
    const refusals = async (): Promise<string[]> => {
      const { entries } = (await ask(app, { url: "/v1/ledger/entries?limit=1000" })).json<{ entries: Entry[] }>();
      return entries
        .map(({ entry }) => (JSON.parse(entry) as { event: { type: string; what?: string; code?: string } }).event)
        .flatMap(({ type, what, code }) => (type === "refused" ? [`${what} ${code}`] : []));
    };

    for (const route of routeIds) {
      const { callers, method, path } = contractOf(route);
      for (const kind of kinds) {
        if (callers.includes(kind)) continue;
        const tag = HUMANS_ALONE.includes(route) && kind !== "anonymous" ? "[A3] " : "";
        test(`${tag}[AP-7] ${method} ${path} is refused to ${kind}`, async () => {
          const bearer = kind === "anonymous" ? undefined : world.bearers[kind];
          assert.ok(kind === "anonymous" || bearer !== undefined, `this world has no ${kind}`);
          const earlier = await refusals();
          const response = await call(route, bearer);
          if (kind === "anonymous") {
            refusedWith(response, 401, "unauthenticated", "no_credential");
            assert.match(String(response.headers["www-authenticate"]), /^Bearer/);
            assert.deepEqual(await refusals(), earlier);
          } else {
            refusedWith(response, 403, "forbidden", "machine_credential");
            assert.deepEqual(await refusals(), [...earlier, `${method} ${path} machine_credential`]);
          }
        });
      }
      if (HUMANS_ALONE.includes(route))
        test(`[A3] [AP-7] ${method} ${path} is for people alone`, () => assert.deepEqual(callers, ["human"]));
    }

    test("[AP-7] whoever may call a route is let in: nobody is refused for the kind of credential", async () => {
      for (const route of routeIds.filter((one) => one !== "stream")) {
        for (const kind of kinds.filter((one) => contractOf(route).callers.includes(one))) {
          const bearer = kind === "anonymous" ? undefined : world.bearers[kind];
          const response = await call(route, bearer);
          assert.notEqual(response.statusCode, 401, `${route} ${kind}`);
          if (response.statusCode === 403)
            assert.notEqual(response.json<{ reason: string }>().reason, "machine_credential", `${route} ${kind}`);
          assert.notEqual(response.statusCode, 500, `${route} ${kind}: ${response.body}`);
        }
      }
    });

    test("[AP-6] a credential that is not known is 401 on every route, also where none is needed", async () => {
      for (const route of routeIds) refusedWith(await call(route, "not-a-token"), 401, "unauthenticated");
    });
  });
}
