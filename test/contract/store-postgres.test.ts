import assert from "node:assert/strict";
import { openPostgres } from "../../src/store/index.ts";
import type { OpenStore } from "../../src/store/index.ts";
import { freshDatabase } from "../../src/testing/postgres.ts";
import { ORIGIN, signer } from "../store/world.ts";
import { storeContract } from "./store-suite.ts";

storeContract("postgres", async (t) => {
  const stores: OpenStore[] = [];
  t.after(async () => void (await Promise.all(stores.map((store) => store.close()))));
  const url = await freshDatabase(t);
  return {
    open: async () => {
      const opened = await openPostgres({ url, origin: ORIGIN, signer, poolSize: 4 });
      assert.ok(opened.ok, opened.ok ? "" : opened.error.message);
      stores.push(opened.value);
      return opened.value;
    },
  };
});
