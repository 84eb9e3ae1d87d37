/** The inside of a connector's own process: it reads what is asked on one descriptor and answers there, and nowhere else. */
import type { Duplex } from "node:stream";
import { fail, refuse, toBase64, type Digest, type Json, type JsonObject, type Refusal, type Result } from "../core/base/index.ts";
import { bytesOf, objectOf, toWire, wholeOf } from "../core/runner/index.ts";
import type { Connector, Performed, RunLimits } from "../control/ports.ts";
import { readFrames, sendFrame } from "./frames.ts";

/** Makes the connectors of this process from what its first message says. */
export type Build = (init: Json) => Promise<Result<readonly Connector[]>>;

/** `end` is called when whoever started this is gone, or asks for what makes no sense. */
export function serveConnectors(channel: Duplex, build: Build, end: () => void): void {
  let built: Promise<Result<readonly Connector[]>> | undefined;
  channel.on("close", end);
  channel.on("end", end);
  channel.on("error", end);
  const say = (line: string): void => sendFrame(channel, { progress: line.slice(0, 1_000).toWellFormed() });
  readFrames(
    channel,
    (message) => {
      const asked = objectOf(message);
      if (asked === undefined) return end();
      if (built === undefined) built = build(asked["init"] ?? null).catch((error: unknown) => refuse("connector_broken", String(error)));
      else
        void answer(built, asked, say)
          .catch((error: unknown) =>
            broken(asked, refuse("connector_crashed", `the connector broke: ${String(error)}`.slice(0, 1_000).toWellFormed())),
          )
          .then((told) => sendFrame(channel, { id: asked["id"], answer: told }));
    },
    end,
  );
}

const broken = (asked: JsonObject, { error }: { readonly error: Refusal }): JsonObject =>
  toWire(fail(asked["call"] === "admit" ? [error] : error));

async function answer(built: Promise<Result<readonly Connector[]>>, asked: JsonObject, say: (line: string) => void): Promise<JsonObject> {
  const connectors = await built;
  if (!connectors.ok) return broken(asked, connectors);
  const connector = connectors.value.find(({ name }) => name === asked["connector"]);
  if (connector === undefined || connector.digest !== asked["digest"])
    return broken(
      asked,
      refuse("connector_differs", "this connector is not the one that the runner started with", { remedy: "restart the runner" }),
    );
  const limits: RunLimits = { timeoutMillis: wholeOf(asked["timeoutMillis"]) ?? 0, progress: say };
  const payload = bytesOf(asked["payload"]) ?? new Uint8Array();
  const performed = asked["performed"] as unknown as Performed;
  switch (asked["call"]) {
    case "admit":
      return toWire(await connector.admit(asked["input"] ?? null));
    case "analyse": {
      const analysed = await connector.analyse(asked["input"] ?? null, limits);
      if (!analysed.ok) return toWire(analysed);
      const { analysis, payload: bytes, freshForMillis } = analysed.value;
      return toWire({ ok: true, value: { analysis, payload: toBase64(bytes), freshForMillis } });
    }
    case "observe":
      return toWire(await connector.observe(payload, limits));
    case "apply":
      return toWire(await connector.apply(payload, asked["expected"] as Digest, limits));
    case "verify":
      return toWire(await connector.verify(payload, performed, limits));
    case "undo":
      return toWire(await connector.undo(payload, performed, limits));
    default:
      return broken(asked, refuse("unknown_call", "there is no such call"));
  }
}
