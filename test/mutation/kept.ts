/** What is known of the mutants so far, for whoever does not wait for the rest. */
import type { MutantResult } from "@stryker-mutator/api/core";
import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";

export const tested: MutantResult[] = [];

class Keeper {
  onMutantTested(result: Readonly<MutantResult>): void {
    tested.push(result);
  }
}

export const keeperPlugin = declareClassPlugin(PluginKind.Reporter, "keeper", Keeper);
