import { join } from "node:path";
import type { Clock } from "../control/ports.ts";
import { ok, refuse, type Result } from "../core/base/index.ts";
import { fileAnchor } from "./anchor-file.ts";
import { gitAnchor } from "./anchor-git.ts";
import type { Anchor, AnchorPlace } from "./anchors.ts";

/** An anchor as the settings have it: with either a file or a repository. */
export interface DeclaredAnchor {
  readonly name: string;
  readonly file?: string;
  readonly repository?: string;
  readonly branch: string;
  readonly everySeconds: number;
}

export interface AnchorSurroundings {
  readonly dataDir: string;
  readonly identity: { readonly name: string; readonly email: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export function anchorsFrom(declared: readonly DeclaredAnchor[], around: AnchorSurroundings): Result<readonly Anchor[]> {
  const anchors: Anchor[] = [];
  for (const [at, { name, file, repository, branch, everySeconds }] of declared.entries()) {
    if ((file === undefined) === (repository === undefined))
      return refuse("anchor_invalid", `the anchor ${name} has ${file === undefined ? "no place" : "two places"}`, {
        where: `anchors[${at}]`,
        remedy: "give it a file or a repository",
      });
    const place: AnchorPlace =
      file === undefined
        ? gitAnchor({ name, repository: repository ?? "", branch, folder: join(around.dataDir, "anchored", `${name}.git`), ...around })
        : fileAnchor(name, file, around.clock);
    anchors.push({ place, everyMillis: everySeconds * 1000 });
  }
  return ok(anchors);
}
