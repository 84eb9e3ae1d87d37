import { canonical, fromBase64, isDigest, isId, toBase64, utf8, type Digest, type Millis, type RunnerId } from "../base/index.ts";
import { pae } from "../grant/index.ts";

/** What a runner signs of each request: nothing in it can be exchanged, and it stands for one request alone. */
export interface RequestClaim {
  readonly runner: RunnerId;
  /** Of the runner's present life: one that has begun another no longer answers to this one. */
  readonly epoch: number;
  readonly time: Millis;
  readonly nonce: string;
  /** Digest of the body's bytes, also of no bytes. */
  readonly body: Digest;
}

export interface Asked {
  /** The deployment that is asked: what was signed for one says nothing to another. */
  readonly deployment: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
}

const TYPE = "application/vnd.pawl.runner-request.v1+json";
const SCHEME = "Pawl-Runner";
const CREDENTIAL =
  /^Pawl-Runner runner=([0-9a-z_]{1,57}), epoch=(\d{1,15}), time=(\d{1,15}), nonce=([0-9a-f]{32}), body=(sha256:[0-9a-f]{64}), signature=([A-Za-z0-9+/]{86}==)$/;

export const isRunnerCredential = (authorization: string): boolean => authorization.startsWith(SCHEME);

export const requestMessage = (claim: RequestClaim, { deployment, method, path }: Asked): Uint8Array =>
  pae(TYPE, utf8(canonical({ ...claim, deployment, method, path })));

/** The Authorization header that carries claim and signature. */
export const runnerCredential = ({ runner, epoch, time, nonce, body }: RequestClaim, signature: Uint8Array): string =>
  `${SCHEME} runner=${runner}, epoch=${epoch}, time=${time}, nonce=${nonce}, body=${body}, signature=${toBase64(signature)}`;

export function readRunnerCredential(authorization: string): { readonly claim: RequestClaim; readonly signature: Uint8Array } | undefined {
  const [, runner = "", epoch, time, nonce = "", body = "", sig = ""] = CREDENTIAL.exec(authorization) ?? [];
  const signature = fromBase64(sig);
  if (!isId(runner) || !isDigest(body) || signature === undefined) return undefined;
  return { claim: { runner: runner as RunnerId, epoch: Number(epoch), time: Number(time) as Millis, nonce, body }, signature };
}
