/**
 * `PAWL_PLANT=<name> node --import ./test/simulation/plants/hook.ts …` runs the production sources with one bug in them. The
 * sources know nothing of it; without the variable nothing is hooked.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { filesOf, planted, type Plant } from "./plant.ts";
import { plantNamed } from "./plants.ts";

const root = resolve(import.meta.dirname, "../../..");

function plantIn(plant: Plant): void {
  const sources = new Map(
    filesOf(plant).map((file) => {
      const path = resolve(root, file);
      return [pathToFileURL(path).href, planted(plant, file, readFileSync(path, "utf8"))] as const;
    }),
  );
  registerHooks({
    load(url, context, next) {
      const source = sources.get(url);
      return source === undefined ? next(url, context) : { format: "module-typescript", source, shortCircuit: true };
    },
  });
}

const name = process.env["PAWL_PLANT"] ?? "";
if (name !== "") plantIn(plantNamed(name));
