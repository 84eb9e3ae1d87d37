import { openMemory } from "../../src/store/index.ts";
import { ORIGIN, signer } from "../store/world.ts";
import { storeContract } from "./store-suite.ts";

storeContract("memory", async () => {
  const store = openMemory({ origin: ORIGIN, signer });
  return { open: async () => store };
});
