import type { Handlers } from "./call.ts";
import { changes } from "./changes.ts";
import { evidence } from "./evidence.ts";
import { glass } from "./glass.ts";
import { ledger } from "./ledger.ts";
import { rules } from "./rules.ts";
import { runners } from "./runners.ts";
import { service } from "./service.ts";

export { Raw, TAKEN, type Call, type Handlers } from "./call.ts";
export const handlers: Handlers = { ...changes, ...evidence, ...glass, ...rules, ...ledger, ...service, ...runners };
