/** The door of core/presentation: a plan and its route as a reviewer sees them. What is shown is part of what is signed. */
export { present, presentationDigest } from "./present.ts";
export { renderText } from "./render.ts";
export type { RenderContext, RenderOptions } from "./render.ts";
export type { Item, ItemOf, Presentation, Section, SectionId, Tone } from "./types.ts";
