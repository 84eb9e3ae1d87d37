import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { contractOf, routeIds, type RouteId } from "../../src/api/contract/index.ts";
import { DECLARED, enrolled, type TestRunner } from "./enrolled.ts";
import { ask, serverFor } from "./harness.ts";
import type { ApiWorld, ApiWorldFactory } from "./world.ts";

interface View {
  readonly id: string;
  readonly version: number;
  readonly review_digest: string;
  readonly run: { readonly id: string };
}
interface Scene {
  readonly url: string;
  readonly bearer?: string;
  /** Signs it, in place of a token. */
  readonly runner?: TestRunner;
  readonly body?: unknown;
}

/** Every route that is said to write, called so that it does. */
export function entriesSuite(name: string, factory: ApiWorldFactory): void {
  describe(`the ledger behind the API on ${name}`, () => {
    let world: ApiWorld;
    let app: FastifyInstance;
    before(async () => {
      world = await factory();
      app = serverFor(world);
    });
    after(async () => {
      await app.close();
      await world.close();
    });

    const view = async (id: string): Promise<View> =>
      (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<View>();
    const size = async (): Promise<number> => (await ask(app, { url: "/v1/ledger/head" })).json<{ size: number }>().size;
    const typesSince = async (from: number): Promise<string[]> => {
      const { entries } = (await ask(app, { url: `/v1/ledger/entries?from=${from}&limit=1000` })).json<{ entries: { entry: string }[] }>();
      return entries.map(({ entry }) => (JSON.parse(entry) as { event: { type: string } }).event.type);
    };
    const approval = async (id: string) => ({ decision: "approve", review_digest: (await view(id)).review_digest });
    const voted = async (): Promise<string> => {
      const id = await world.change("awaiting", { needs: 2 });
      const vote = await ask(app, {
        method: "POST",
        url: `/v1/changes/${id}/votes`,
        bearer: world.bearers.human,
        body: await approval(id),
      });
      assert.equal(vote.statusCode, 200, vote.body);
      return id;
    };
    const token = async (): Promise<string> => {
      const made = await ask(app, {
        method: "POST",
        url: "/v1/tokens",
        bearer: world.bearers.human,
        body: { principal: "human:bob", label: "a second one" },
      });
      return made.json<{ view: { id: string } }>().view.id;
    };

    /** For each writing route a call that succeeds. */
    const scenes: Partial<Record<RouteId, () => Promise<Scene>>> = {
      propose: async () => ({ url: "/v1/changes", bearer: world.bearers.agent, body: world.proposal("One") }),
      vote: async () => {
        const id = await world.change("awaiting");
        return { url: `/v1/changes/${id}/votes`, bearer: world.bearers.human, body: await approval(id) };
      },
      withdrawVote: async () => ({ url: `/v1/changes/${await voted()}/votes`, bearer: world.bearers.human }),
      sendBack: async () => ({
        url: `/v1/changes/${await world.change("awaiting")}/send-back`,
        bearer: world.bearers.human,
        body: { reason: "say why" },
      }),
      withdraw: async () => ({ url: `/v1/changes/${await world.change("awaiting")}/withdraw`, bearer: world.bearers.agent }),
      revise: async () => ({
        url: `/v1/changes/${await world.change("awaiting")}/revisions`,
        bearer: world.bearers.agent,
        body: world.proposal("Two"),
      }),
      replan: async () => ({ url: `/v1/changes/${await world.change("stale")}/replan`, bearer: world.bearers.agent }),
      run: async () => ({ url: `/v1/changes/${await world.change("authorised")}/run`, bearer: world.bearers.agent }),
      stop: async () => ({ url: `/v1/changes/${await world.change("running")}/stop`, bearer: world.bearers.human }),
      reconcile: async () => {
        const id = await world.change("indeterminate");
        return {
          url: `/v1/changes/${id}/reconcile`,
          bearer: world.bearers.human,
          body: { run: (await view(id)).run.id, as: "undone", evidence: "looked, and nothing is there" },
        };
      },
      breakGlass: async () => {
        const id = await world.change("awaiting");
        const { review_digest } = await view(id);
        return { url: `/v1/changes/${id}/break-glass`, bearer: world.bearers.human, body: { reason: "the shop is down", review_digest } };
      },
      reviewGlass: async () => ({
        url: `/v1/changes/${await world.broken()}/review`,
        bearer: world.bearers.human,
        body: { verdict: "approve", evidence: "looked, and it could not wait" },
      }),
      createToken: async () => ({ url: "/v1/tokens", bearer: world.bearers.human, body: { principal: "human:bob", label: "a third one" } }),
      revokeToken: async () => ({ url: `/v1/tokens/${await token()}`, bearer: world.bearers.human }),
      inviteRunner: async () => ({ url: "/v1/runners/tokens", bearer: world.bearers.human, body: { label: "in the cellar" } }),
      revokeRunner: async () => ({ url: `/v1/runners/${(await enrolled(app, world)).id}`, bearer: world.bearers.human }),
      enrolRunner: async () => {
        const invited = await ask(app, { method: "POST", url: "/v1/runners/tokens", bearer: world.bearers.human, body: { label: "one" } });
        const { token: once } = invited.json<{ token: string }>();
        return { url: "/v1/runners/enrolment", body: { token: once, key: Buffer.alloc(32, 1).toString("base64"), declared: DECLARED } };
      },
      openSession: async () => {
        const runner = await enrolled(app, world);
        runner.epoch = 2;
        return { url: "/v1/runner/session", runner, body: { epoch: 2, declared: DECLARED } };
      },
      reportRun: async () => {
        const id = await world.change("authorised");
        const { grant } = (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<{ grant: string }>();
        return {
          url: "/v1/runner/desk",
          runner: await enrolled(app, world),
          body: { call: "start", change: id, grant, key: "0".repeat(32) },
        };
      },
    };

    for (const id of routeIds) {
      const { method, path, trace } = contractOf(id);
      if (trace.kind !== "writes") continue;
      test(`[E47] [AP-8] ${method} ${path} makes an entry: ${trace.entries.join(" or ")}`, async () => {
        const scene = scenes[id];
        assert.ok(scene !== undefined, "a writing route without a scene: add one here");
        const { url, bearer, runner, body } = await scene();
        const start = await size();
        const headers: Record<string, string> = runner === undefined ? {} : { authorization: runner.credential(method, url, body) };
        const response = await ask(app, { method, url, bearer, body, headers });
        assert.equal(response.statusCode, contractOf(id).status ?? 200, response.body);
        const wanted = (types: readonly string[]): boolean => types.some((type) => trace.entries.includes(type));
        let types = await typesSince(start);
        // What is started by the call may be written by whoever works on it.
        for (let since = response.json<View>().version; !wanted(types) && since !== undefined; types = await typesSince(start)) {
          const moved = await ask(app, { url: `/v1/changes/${response.json<View>().id}/wait?since=${since}&timeout=10`, bearer });
          const { version } = moved.json<View>();
          assert.ok(version > since, `nothing came after ${types.join(", ") || "nothing"}`);
          since = version;
        }
        assert.ok(wanted(types), `the ledger has ${types.join(", ") || "nothing new"}`);
      });
    }

    test("[E47] [AP-8] reads and exceptions leave the ledger as it was", async () => {
      const id = await world.change("awaiting");
      const granted = await world.change("authorised");
      const lost = await world.change("indeterminate");
      const start = await size();
      const bodies: Partial<Record<RouteId, unknown>> = {
        checkPolicy: { text: "bad" },
        testPolicy: { text: "bad" },
        explainPolicy: { change: id },
      };
      const queries: Partial<Record<RouteId, string>> = {
        proveInclusion: "?index=0",
        proveConsistency: "?from=1&to=2",
        waitForChange: "?since=0",
      };
      for (const route of routeIds.filter(
        (one) =>
          contractOf(one).trace.kind !== "writes" && one !== "stream" && one !== "readGrant" && contractOf(one).callers.includes("human"),
      )) {
        const { method, path } = contractOf(route);
        const url = `${path.replace(":id", route === "readOutcome" ? lost : id).replace("*", "0/000.p/1")}${queries[route] ?? ""}`;
        const response = await ask(app, { method, url, bearer: world.bearers.human, body: bodies[route] });
        assert.equal(response.statusCode, 200, `${route}: ${response.body}`);
      }
      const grant = await ask(app, { url: `/v1/changes/${granted}/grant`, bearer: world.bearers.human });
      assert.equal(grant.statusCode, 200, grant.body);
      assert.deepEqual(await typesSince(start), []);
    });
  });
}
