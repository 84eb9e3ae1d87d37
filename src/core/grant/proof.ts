import { fromHex, utf8 } from "../base/index.ts";
import { leafHash, openCheckpoint, parseVkeys, verifyInclusion } from "../ledger/index.ts";
import type { GrantEvidence, GrantTrust } from "./types.ts";

/** Why an entry is not proven to stand in the deployment's log, and where; undefined when it is. */
export function unproven(
  { index, entry, proof, checkpoint }: GrantEvidence,
  { logKeys, deployment }: Pick<GrantTrust, "logKeys" | "deployment">,
): { readonly message: string; readonly where: string } | undefined {
  const keys = parseVkeys(logKeys);
  if (!keys.ok) return { message: keys.error.message, where: "trust/logKeys" };
  const opened = openCheckpoint(checkpoint, keys.value, deployment);
  if (!opened.ok) return { message: opened.error.message, where: "ledger/checkpoint" };
  const nodes = proof.map(fromHex).filter((node) => node !== undefined);
  if (nodes.length !== proof.length) return { message: "a node of the proof is not hexadecimal", where: "ledger/proof" };
  const { size, root } = opened.value;
  const included = verifyInclusion({ leafHash: leafHash(utf8(entry)), index, size, root, proof: nodes });
  return included.ok ? undefined : { message: included.error.message, where: "ledger/proof" };
}
