import { join } from "node:path";
import assert from "node:assert/strict";
import { openSqlite } from "../../src/store/index.ts";
import type { OpenStore } from "../../src/store/index.ts";
import { ORIGIN, signer, temporaryFolder } from "../store/world.ts";
import { storeContract } from "./store-suite.ts";

storeContract("sqlite", async (t) => {
  const stores: OpenStore[] = [];
  t.after(async () => void (await Promise.all(stores.map((store) => store.close()))));
  const path = join(temporaryFolder(t), "pawl.db");
  return {
    open: async () => {
      const opened = await openSqlite({ path, origin: ORIGIN, signer, pollMillis: 10, now: () => performance.now() });
      assert.ok(opened.ok);
      stores.push(opened.value);
      return opened.value;
    },
  };
});
