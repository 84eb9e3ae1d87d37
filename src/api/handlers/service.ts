import { createHash } from "node:crypto";
import { ok } from "../../core/base/index.ts";
import { pagePolicy } from "../headers.ts";
import { Raw, type Handlers } from "./call.ts";
import { pageHtml, STYLE } from "./page.ts";
import { stream } from "./stream.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const styleHash = `sha256-${createHash("sha256").update(STYLE).digest("base64")}`;

export const service: Pick<Handlers, "health" | "openapi" | "page" | "stream"> = {
  async health({ deps, request }) {
    const { ok: well, checks } = await deps.control.health();
    const known = request.seen.caller !== undefined;
    const body = {
      ok: well,
      version: deps.settings.version,
      checks: checks.map(({ name, ok: fine, text }) => ({ name, ok: fine, ...(known ? { text } : {}) })),
    };
    return ok(well ? body : new Raw(JSON_TYPE, JSON.stringify(body), {}, 503));
  },
  async openapi({ request }) {
    return ok(new Raw(JSON_TYPE, JSON.stringify(request.server.swagger()), { "cache-control": "public, max-age=60" }));
  },
  async page({ deps }) {
    const { control, settings } = deps;
    const html = pageHtml({
      version: settings.version,
      size: await control.ledger.size(),
      vkeys: control.ledger.vkeys(),
      origin: settings.publicOrigin,
    });
    return ok(new Raw("text/html; charset=utf-8", html, { "content-security-policy": pagePolicy(styleHash), "cache-control": "no-cache" }));
  },
  stream: (call) => stream(call),
};
