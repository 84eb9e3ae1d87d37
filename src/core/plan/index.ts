/** The door of core/plan: from what was asked and found to the one document that people sign. */
export { assemblePlan } from "./assemble.ts";
export type { AssembleInput } from "./assemble.ts";
export { planDigest, stateDigestOf, stepDigests } from "./digests.ts";
export { present, presentationDigest } from "./present.ts";
export { PRESENTATION_SCHEMA } from "./presentation.ts";
export type { Item, ItemOf, Presentation, Section, SectionId, Tone } from "./presentation.ts";
export { PROPOSAL_BOUNDS, PROPOSAL_SCHEMA, parseProposal } from "./proposal.ts";
export type { ProposalInput } from "./proposal.ts";
export { renderText } from "./render.ts";
export type { RenderContext, RenderOptions } from "./render.ts";
export type { ScopeNames } from "./scope.ts";
export { sealSecrets, secretValue } from "./secrets.ts";
export type { Sealed } from "./secrets.ts";
export * from "./types.ts";
export { hiddenCharacters, visible } from "./visible.ts";
export type { HiddenCharacter, VisibleRules } from "./visible.ts";
