import { benchCore } from "./core.ts";
import { print } from "./table.ts";

print(benchCore());
