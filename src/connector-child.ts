/** The process in which a runner works one connector. It is told the settings, makes the connectors as the runner did, and answers. */
import { Socket } from "node:net";
import type { Settings } from "./cli/settings.ts";
import { fromHex, refuse, type Json } from "./core/base/index.ts";
import { serveConnectors } from "./runner/child-serve.ts";
import { connectorsOf } from "./wiring.ts";

const CHANNEL = 3;

/** As the runner that started this process read them from its own file. */
interface Init {
  readonly settings: Settings;
  readonly secret: string;
}

serveConnectors(
  new Socket({ fd: CHANNEL, readable: true, writable: true }),
  async (init: Json) => {
    const { settings, secret } = init as unknown as Init;
    const secretKey = fromHex(secret);
    return secretKey === undefined
      ? refuse("init_malformed", "the first message is not what a runner says")
      : connectorsOf(settings, { secretKey });
  },
  () => {
    // Whoever would report is gone: what this process started ends with it.
    try {
      process.kill(-process.pid, "SIGKILL");
    } catch {
      process.exit(1);
    }
  },
);
