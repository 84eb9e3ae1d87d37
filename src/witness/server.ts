/** `POST /add-checkpoint` of C2SP tlog-witness. It holds nothing that could act on a deployment: it only remembers. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { witnessKey } from "../core/ledger/index.ts";
import { openWitness, plain, type ServiceSettings, type WitnessReply } from "./service.ts";

export interface WitnessSettings extends ServiceSettings {
  readonly listen: { readonly host: string; readonly port: number };
}

export interface RunningWitness {
  readonly url: string;
  /** What a log's operator and its auditors must trust. */
  readonly key: string;
  /** Files that each hold two heads of one log that cannot both be true. */
  proofs(): readonly string[];
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 132 * 1024;
const REQUEST_MILLIS = 10_000;

export async function startWitness({ listen, ...settings }: WitnessSettings): Promise<RunningWitness> {
  const { signer, report } = settings;
  const service = openWitness(settings);
  const answer = async (request: IncomingMessage): Promise<WitnessReply> => {
    if (request.url !== "/add-checkpoint") return plain(404, "there is /add-checkpoint here and nothing else\n");
    if (request.method !== "POST") return plain(405, "a checkpoint is sent with POST\n");
    const body = await bodyOf(request);
    if (body === undefined) return plain(413, `a request has at most ${MAX_BODY_BYTES} bytes\n`);
    return service.submit(body);
  };
  const server = createServer({ requestTimeout: REQUEST_MILLIS, headersTimeout: REQUEST_MILLIS }, (request, response) => {
    answer(request).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        report(`problem: ${String(error)}`);
        send(response, plain(500, "the witness cannot answer now\n"));
      },
    );
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(listen.port, listen.host, () => resolve());
  await promise;
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(":") ? `[${address}]` : address}:${port}`,
    key: witnessKey(signer.name, signer.publicKey),
    proofs: service.proofs,
    close: () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      return closed.promise;
    },
  };
}

function send(response: ServerResponse, { status, type, body }: WitnessReply): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store", connection: "close" });
  response.end(body);
}

/** Nothing beyond the limit is read. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
