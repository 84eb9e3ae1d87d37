import type { TObject, TSchema } from "typebox";
import type { PrincipalKind } from "../../control/types.ts";

/** `enrolled` is a runner that signs each of its requests; every other kind but the anonymous bears a token. */
export type CallerKind = PrincipalKind | "enrolled" | "anonymous";

/** What a call leaves behind. A method other than GET that leaves no entry is on the published list of exceptions, with why. */
export type Trace =
  | { readonly kind: "reads" }
  | { readonly kind: "writes"; readonly entries: readonly string[] }
  | { readonly kind: "exception"; readonly why: string };

export interface RouteContract {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly tag: "changes" | "review" | "policy" | "people" | "ledger" | "runners" | "service";
  readonly summary: string;
  readonly callers: readonly CallerKind[];
  readonly trace: Trace;
  /** `reserved` is never starved by other traffic; `reject` is so for a vote that turns out to be a rejection. */
  readonly lane?: "reserved" | "reject";
  readonly query?: TObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: TSchema;
  readonly status?: 200 | 201;
  /** What comes back: JSON of this shape, or bytes of another type. */
  readonly answer: TSchema | { readonly type: string; readonly description: string };
  /** A further status that comes with the same shape. */
  readonly alsoStatus?: 503;
  /** A second form of the same answer. */
  readonly also?: { readonly type: string; readonly description: string };
}

/** HEAD stands beside the reads that anybody may make. */
export const methodsOf = ({ method, callers }: RouteContract): string[] =>
  method === "GET" && callers.includes("anonymous") ? ["GET", "HEAD"] : [method];

/** Matches the paths of the route, as far as it is known before a parameter is looked at. */
export const pathPattern = ({ path }: Pick<RouteContract, "path">): RegExp =>
  new RegExp(
    `^${path
      .replaceAll(".", String.raw`\.`)
      .replaceAll(/:[a-z]+/g, "[^/]+")
      .replace("*", ".+")}$`,
  );
