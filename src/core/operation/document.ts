import { fail, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import { Faults, Reading, readYaml } from "../yaml/index.ts";
import type { At, TextFault, YamlNode } from "../yaml/index.ts";
import { readCommandSystem } from "./read-command.ts";
import { readHttpSystem } from "./read-http.ts";
import { Declaring, MOST } from "./reading.ts";
import type { CommandOperation, CommandSystem, Declarations, HttpOperation, HttpSystem, Operation, System } from "./types.ts";

const SCHEMA = "connectors/v1";
/** What is in force where nothing was ever declared. */
export const NO_DECLARATIONS = `pawl: ${SCHEMA}\n`;

export type DeclarationFault = TextFault;

/** Every operation of a text, or every fault of it. */
export function loadDeclarations(text: string): Result<Declarations, readonly DeclarationFault[]> {
  const faults = new Faults(text, { prefix: "declaration", noun: "a declarations document" });
  const root = readYaml(faults);
  const systems = root.ok ? readDocument(new Declaring(new Reading(faults)), { node: root.value, path: "" }) : undefined;
  const whole = JSON.stringify(systems ?? []);
  // What is approved is compared byte for byte: a text has one form.
  if (whole.normalize("NFC") !== whole) faults.add(0, "not_normal", "a text is not in Unicode normalisation form C");
  return systems && faults.count === 0 ? ok({ systems }) : fail(toldOnce(faults.sorted()));
}

/** Where the text stops being YAML, all that follows is at odds with it: the first place is the one to mend. */
function toldOnce(faults: readonly DeclarationFault[]): readonly DeclarationFault[] {
  const first = faults.find(({ code }) => code === "declaration_syntax");
  return first === undefined
    ? faults
    : [{ ...first, remedy: 'mend this place first; a text that holds braces stands in quotes, "{name}"' }];
}

function readDocument(d: Declaring, at: At): readonly System[] | undefined {
  const entries = d.read.map(at, ["pawl"], ["http", "command"]);
  if (entries === undefined) return undefined;
  d.read.oneOf(entries.get("pawl"), [SCHEMA]);
  const list = <T>(place: At | undefined, read: (each: At) => T | undefined): readonly T[] | undefined =>
    place === undefined ? [] : d.read.list(place, MOST.systems, read);
  const http = list(entries.get("http"), (each) => readHttpSystem(d, each));
  const command = list(entries.get("command"), (each) => readCommandSystem(d, each));
  for (const key of ["http", "command"]) {
    unique(d, entries.get(key), "system");
    for (const each of itemsOf(entries.get(key))) unique(d, memberAt(each, "operations"), "name");
  }
  if (!http || !command) return undefined;
  checkUndos(d, entries.get("http"), http);
  checkUndos(d, entries.get("command"), command);
  return [...http, ...command];
}

const itemsOf = (at: At | undefined): readonly At[] =>
  at?.node.kind === "list" ? at.node.items.map((node, i) => ({ node, path: `${at.path}[${i}]` })) : [];

function memberAt({ node, path }: At, key: string): At | undefined {
  const value: YamlNode | undefined = node.kind === "map" ? node.entries.find((entry) => entry.key === key)?.value : undefined;
  return value && { node: value, path: `${path}.${key}` };
}

function unique(d: Declaring, at: At | undefined, key: string): void {
  const seen = new Set<unknown>();
  for (const each of itemsOf(at)) {
    const name = memberAt(each, key);
    if (name?.node.kind !== "scalar") continue;
    if (seen.has(name.node.value)) d.read.fault(name, `${String(name.node.value)} stands twice`);
    seen.add(name.node.value);
  }
}

/** An undo names another operation of its system, and every parameter of it. */
function checkUndos(d: Declaring, at: At | undefined, systems: readonly System[]): void {
  for (const [i, system] of systems.entries()) {
    const places = itemsOf(at)[i];
    const operations: readonly Operation[] = system.operations;
    for (const [n, { undo }] of operations.entries()) {
      const operationAt = places && itemsOf(memberAt(places, "operations"))[n];
      const place = operationAt && memberAt(operationAt, "undo");
      if (undo.kind !== "operation" || place === undefined) continue;
      const other = operations.find(({ name }) => name === undo.operation);
      const [known, given] = [Object.keys(other?.parameters ?? {}), Object.keys(undo.arguments)];
      if (other === undefined) d.read.fault(place, `${place.path}: the system has no operation ${undo.operation}`);
      else if (known.length !== given.length || known.some((name) => !given.includes(name)))
        d.read.fault(place, `${place.path}.arguments must be those of ${undo.operation}: ${known.join(", ") || "none"}`);
    }
  }
}

/** What each connector's systems and operations are. */
export interface Kinds {
  readonly http: { readonly system: HttpSystem; readonly operation: HttpOperation };
  readonly command: { readonly system: CommandSystem; readonly operation: CommandOperation };
}

export function findOperation<C extends keyof Kinds>(
  { systems }: Declarations,
  connector: C,
  system: string,
  operation: string,
): Kinds[C] | undefined {
  const found = systems.find((each) => each.connector === connector && each.name === system);
  const named = (found?.operations as readonly Operation[] | undefined)?.find(({ name }) => name === operation);
  return found && named && ({ system: found, operation: named } as Kinds[C]);
}
