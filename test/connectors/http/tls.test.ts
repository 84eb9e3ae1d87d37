/** Who answers must prove that it is who was asked. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { send } from "../../../src/connectors/http/transport.ts";
import { optionsFor } from "./world.ts";

/** A certificate for the name `localhost`, or nothing where no openssl is there to make one. */
function certificate(t: TestContext): { readonly key: string; readonly cert: string } | undefined {
  const dir = mkdtempSync(join(tmpdir(), "pawl-tls-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const args = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
  ];
  try {
    execFileSync("openssl", [...args, "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } catch {
    return undefined;
  }
}

test("[OP-42] a certificate that nobody vouches for, or of another name, is refused before anything is sent", async (t) => {
  const made = certificate(t);
  if (made === undefined) return t.skip("openssl is not there to make a certificate");
  const heard: string[] = [];
  const server = createServer(made, (request, response) => {
    heard.push(request.headers.host ?? "");
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const asked = async (host: string, ca?: string): Promise<string> => {
    const origin = `https://${host}:${port}`;
    const options = {
      ...optionsFor(origin),
      resolve: async () => [{ address: "127.0.0.1", family: 4 as const }],
      ...(ca === undefined ? {} : { ca }),
    };
    const ended = await send(options, { origin, method: "GET", target: "/", headers: {}, signal: AbortSignal.timeout(5_000) });
    return ended.kind === "answer" ? String(ended.status) : ended.kind;
  };
  assert.equal(await asked("localhost"), "unsent");
  assert.equal(await asked("other.example", made.cert), "unsent");
  assert.deepEqual(heard, []);
  assert.equal(await asked("localhost", made.cert), "200");
  assert.deepEqual(heard, [`localhost:${port}`]);
});
