import { benchCore } from "./core.ts";
import { benchStore } from "./store.ts";
import { print } from "./table.ts";

print([...benchCore(), ...(await benchStore())]);
