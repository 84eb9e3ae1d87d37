/** The door of core/operation: declared operations of systems that have no connector of their own. See docs/spec/operations.md. */
export { NO_DECLARATIONS, loadDeclarations } from "./document.ts";
export { afterLooking, effectOf, maskedValue } from "./effect.ts";
export { readAsked, withDeclarations } from "./input.ts";
export type { Asked } from "./input.ts";
export { readArguments, wordsFor } from "./parameters.ts";
export {
  resolveCommandLook,
  resolveCommandUndo,
  resolveExpectation,
  resolveHttpUndo,
  resolveLook,
  resolveProgram,
  resolveRequest,
} from "./resolve.ts";
export type { CommandLook, HttpLook, HttpRequest, ResolvedUndo } from "./resolve.ts";
export { ABSENT, differences, selected, valueAt } from "./state.ts";
export { decodeOutput, runTests } from "./trial.ts";
export * from "./types.ts";
