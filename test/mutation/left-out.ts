/** What is not mutated. Sentences for people: a test that kills such a mutant only repeats the sentence. */
import type { Ignorer } from "@stryker-mutator/api/ignore";
import { declareValuePlugin, PluginKind } from "@stryker-mutator/api/plugin";

/** What we look at of Babel's tree, which comes without types. */
interface Tree {
  readonly type: string;
  readonly value?: unknown;
  readonly pattern?: string;
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
}
interface Path {
  readonly node: Tree;
  readonly hub?: { readonly file?: { readonly opts: { readonly filename?: string } } };
}

/** Three words in a row. Two may be a format, a header or a name. */
const PROSE = /\p{L}+[,:;]? [\p{L}-]+[,:;]? [\p{L}-]+/u;
/** A sentence that decides something is mutated as other code is. */
const DECISIONS = new Set(["ConditionalExpression", "LogicalExpression", "BinaryExpression", "ArrowFunctionExpression"]);
/** Here the sentences are what the module makes. */
const SENTENCES_MATTER = "/src/core/presentation/";

function decides(tree: unknown): boolean {
  if (typeof tree !== "object" || tree === null) return false;
  if (DECISIONS.has((tree as Tree).type)) return true;
  return Object.entries(tree).some(([key, part]) => key !== "loc" && decides(part));
}

function isSentence({ type, value, quasis, ...rest }: Tree): boolean {
  if (type === "StringLiteral") return PROSE.test(String(value));
  return type === "TemplateLiteral" && PROSE.test(quasis?.map((part) => part.value.raw).join("it") ?? "") && !decides(rest);
}

/** The negation that a mutant would make of a property of strings is no regular expression, and the file would not load. */
const hasNoNegation = ({ pattern }: Tree): boolean => pattern?.includes("\\p{RGI_Emoji}") ?? false;

const ignorer: Ignorer = {
  shouldIgnore(path) {
    const { node, hub } = path as Path;
    if (hasNoNegation(node)) return "a property of strings";
    if (!isSentence(node) || hub?.file?.opts.filename?.includes(SENTENCES_MATTER)) return undefined;
    return "a sentence for people";
  },
};

export const ignorerPlugin = declareValuePlugin(PluginKind.Ignore, "left-out", ignorer);
