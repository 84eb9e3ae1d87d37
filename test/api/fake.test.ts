import { callersSuite } from "./suite-callers.ts";
import { entriesSuite } from "./suite-entries.ts";
import { fakeWorld } from "./world.ts";

callersSuite("a fake control", async () => fakeWorld());
entriesSuite("a fake control", async () => fakeWorld());
