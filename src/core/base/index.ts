/** The door of core/base: what every other module stands on. */
export * from "./assert.ts";
export * from "./bytes.ts";
export * from "./canonical.ts";
export * from "./clone.ts";
export * as form from "./form.ts";
export type { Form } from "./form.ts";
export * from "./glob.ts";
export * from "./hash.ts";
export * from "./ids.ts";
export * from "./instant.ts";
export * from "./json.ts";
export * from "./json-foreign.ts";
export * from "./order.ts";
export * from "./result.ts";
export * from "./visible.ts";
