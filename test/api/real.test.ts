import { realWorld } from "./real-world.ts";
import { bodiesSuite } from "./suite-bodies.ts";
import { callersSuite } from "./suite-callers.ts";
import { entriesSuite } from "./suite-entries.ts";

/** No credential is a runner's yet: the one runner there is works inside the process. */
callersSuite("the real control", realWorld, ["human", "agent", "workload", "anonymous"]);
entriesSuite("the real control", realWorld);
bodiesSuite("the real control", realWorld);
