/** The door of core/yaml: a strict reader of texts that people write and sign, with the place of every fault. */
export { Reading, join } from "./read.ts";
export type { At } from "./read.ts";
export { Faults, jsonOf, memberOf, placeInScalar, readYaml } from "./yaml.ts";
export type { TextFault, YamlNode } from "./yaml.ts";
