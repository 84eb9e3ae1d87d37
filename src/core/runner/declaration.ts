import { isDigest, PATTERNS, type Digest, type Json } from "../base/index.ts";
import { exactly, listOf, textOf } from "./members.ts";

/** What a runner says that it is there for. */
export interface Declaration {
  readonly connectors: readonly { readonly name: string; readonly digest: Digest }[];
  /** The environments that it serves; all of them, where it names none. */
  readonly environments: readonly string[];
  readonly labels: readonly string[];
}

const MOST = { connectors: 64, environments: 64, labels: 64 };
const NAME = new RegExp(PATTERNS.name);

const readName = (value: Json): string | undefined => {
  const name = textOf(value, 64);
  return name !== undefined && NAME.test(name) ? name : undefined;
};

export const readNames = (value: Json | undefined): readonly string[] | undefined => listOf(value, MOST.environments, readName);

export function readDeclaration(value: Json | undefined): Declaration | undefined {
  const raw = exactly(value, ["connectors", "environments", "labels"]);
  const connectors = listOf(raw?.["connectors"], MOST.connectors, readConnector);
  const environments = readNames(raw?.["environments"]);
  const labels = listOf(raw?.["labels"], MOST.labels, readName);
  if (connectors === undefined || environments === undefined || labels === undefined) return undefined;
  const names = new Set(connectors.map(({ name }) => name));
  return names.size === connectors.length ? { connectors, environments, labels } : undefined;
}

function readConnector(value: Json): Declaration["connectors"][number] | undefined {
  const raw = exactly(value, ["name", "digest"]);
  const name = raw === undefined ? undefined : readName(raw["name"] ?? null);
  const digest = raw?.["digest"];
  return name !== undefined && typeof digest === "string" && isDigest(digest) ? { name, digest } : undefined;
}

export const serves = ({ environments }: Pick<Declaration, "environments">, environment: string): boolean =>
  environments.length === 0 || environments.includes(environment);
