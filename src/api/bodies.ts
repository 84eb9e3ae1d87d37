import type { FastifyInstance } from "fastify";
import { digestOf, parseJson } from "../core/base/index.ts";
import { otherBody } from "./admission.ts";
import { contractOf } from "./contract/index.ts";
import { refused, RefusedRequest } from "./problems.ts";

/** Bodies are read by the strict reader and by nothing else; what it refuses never reaches a handler. */
export function readBodiesStrictly(app: FastifyInstance, limit: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i,
    { parseAs: "buffer", bodyLimit: limit },
    (request, bytes, done) => {
      const { signed } = request.seen;
      if (signed !== undefined && digestOf(bytes) !== signed.body) return done(new RefusedRequest(otherBody()));
      const expectsBody = request.seen.route !== undefined && contractOf(request.seen.route).body !== undefined;
      if (bytes.length === 0 && !expectsBody) return done(null, undefined);
      const parsed = parseJson(bytes, { bytes: limit, stringLength: limit });
      if (parsed.ok) return done(null, parsed.value);
      const { code, message, where, remedy } = parsed.error;
      return done(new RefusedRequest(refused("invalid", code, message, { where, remedy, status: 400 })));
    },
  );
}
