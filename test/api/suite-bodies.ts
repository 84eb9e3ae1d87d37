import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FastifyInstance } from "fastify";
import type { RouteId } from "../../src/api/contract/index.ts";
import { ask, requestShape, serverFor } from "./harness.ts";
import type { ApiWorld, ApiWorldFactory } from "./world.ts";

type Body = Readonly<Record<string, unknown>>;

/** Values that are wrong for nearly everything, and two that are right for some. */
const STRANGE: readonly unknown[] = [1, null, true, "", [], {}, "x".repeat(20_000), "text", -1, 1e9];

/** Every body with one member left out, replaced by something strange, or added. */
function variants(whole: Body, fixed: readonly string[]): Body[] {
  const names = Object.keys(whole).filter((name) => !fixed.includes(name));
  const without = names.map((name) => Object.fromEntries(Object.entries(whole).filter(([other]) => other !== name)));
  const replaced = names.flatMap((name) => STRANGE.map((value) => ({ ...whole, [name]: value })));
  return [...without, ...replaced, { ...whole, unknown_member: 1 }, { ...whole, Decision: "approve" }, whole];
}

/** The document describes bodies that control judges: here they are held against each other. */
export function bodiesSuite(name: string, factory: ApiWorldFactory): void {
  describe(`bodies as documented and as judged by ${name}`, () => {
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

    const check = async (route: RouteId, url: string, bearer: string, bodies: readonly Body[], exactly: boolean): Promise<void> => {
      const documented = requestShape(route);
      let accepted = 0;
      for (const body of bodies) {
        const { statusCode, body: said } = await ask(app, { method: "POST", url, bearer, body });
        const what = `${route} ${JSON.stringify(body).slice(0, 200)} was answered ${statusCode} ${said.slice(0, 300)}`;
        if (!documented(body)) assert.equal(statusCode, 422, `not documented, but ${what}`);
        else if (exactly) assert.notEqual(statusCode, 422, `documented, but ${what}`);
        assert.notEqual(statusCode, 500, what);
        if (statusCode < 400) accepted += 1;
      }
      assert.ok(accepted > 0, `${route} accepted nothing at all`);
    };

    test("[AP-2] a proposal and a revision", async () => {
      const whole = {
        ...(world.proposal("A whole one") as Body),
        summary: "why",
        on_behalf_of: "human:ada",
        scope: { systems: ["**"], environments: ["**"], operations: ["update"], resources: ["**"], limits: { effects: 3 } },
        claims: ["tested"],
        expires_in_seconds: 600,
      };
      await check("propose", "/v1/changes", world.bearers.agent, variants(whole, ["steps"]), false);
      await check(
        "revise",
        `/v1/changes/${await world.change("awaiting")}/revisions`,
        world.bearers.agent,
        variants(whole, ["steps"]),
        false,
      );
    });

    test("[AP-2] a vote, a change sent back, a reconciled run, a token", async () => {
      const id = await world.change("awaiting", { needs: 2 });
      const { review_digest } = (await ask(app, { url: `/v1/changes/${id}`, bearer: world.bearers.human })).json<{
        review_digest: string;
      }>();
      const vote = { decision: "approve", review_digest, seat: "pair", comment: "looks right" };
      // A seat that is not there is the lifecycle's to refuse, and that too is 422.
      await check("vote", `/v1/changes/${id}/votes`, world.bearers.human, variants(vote, ["seat"]), true);
      const back = { reason: "say why", code: "unclear", resource: "shelf:a" };
      await check("sendBack", `/v1/changes/${await world.change("awaiting")}/send-back`, world.bearers.human, variants(back, []), true);
      const lost = await world.change("indeterminate");
      const { run } = (await ask(app, { url: `/v1/changes/${lost}`, bearer: world.bearers.human })).json<{ run: { id: string } }>();
      const end = { as: "undone", run: run.id, evidence: "looked" };
      await check("reconcile", `/v1/changes/${lost}/reconcile`, world.bearers.human, variants(end, ["run"]), true);
      const urgent = await world.change("awaiting");
      const { review_digest: read } = (await ask(app, { url: `/v1/changes/${urgent}`, bearer: world.bearers.human })).json<{
        review_digest: string;
      }>();
      const emergency = { reason: "the shop is down", review_digest: read };
      await check("breakGlass", `/v1/changes/${urgent}/break-glass`, world.bearers.human, variants(emergency, []), true);
      const looked = { verdict: "object", evidence: "it could have waited" };
      await check("reviewGlass", `/v1/changes/${await world.broken()}/review`, world.bearers.human, variants(looked, []), true);
      await check("createToken", "/v1/tokens", world.bearers.human, variants({ principal: "human:bob", label: "one more" }, []), true);
    });
  });
}
