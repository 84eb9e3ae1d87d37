import type { Json } from "../base/index.ts";
import type { EffectKind, Exposure, Privilege, Reversibility } from "../plan/index.ts";

/**
 * What may be done to systems that nobody wrote a connector for: each operation says what it asks, how the state is looked at before
 * and after, and what takes it back. Plain data; a text in braces is a template (template.ts).
 */
export interface Declarations {
  readonly systems: readonly System[];
}

export type System = HttpSystem | CommandSystem;
export type Operation = HttpOperation | CommandOperation;

interface Named {
  readonly name: string;
  readonly environment: string;
}

export interface HttpSystem extends Named {
  readonly connector: "http";
  /** `https://host[:port]`, exactly as a browser would write it. */
  readonly origin: string;
  /** Names of credentials in the settings of whoever runs it: for writing, and for looking where that is another one. */
  readonly credential?: string;
  readonly readCredential?: string;
  readonly operations: readonly HttpOperation[];
}

export interface CommandSystem extends Named {
  readonly connector: "command";
  readonly operations: readonly CommandOperation[];
}

interface OperationBase {
  readonly name: string;
  readonly summary: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly effect: EffectMapping;
  readonly verify?: Expectation;
  readonly undo: UndoDeclaration;
}

export interface HttpOperation extends OperationBase {
  readonly request: RequestTemplate;
  readonly probe?: ProbeTemplate;
  readonly compare?: Compare;
  readonly idempotency?: Idempotency;
  readonly tests: readonly OperationTest[];
}

export interface CommandOperation extends OperationBase {
  readonly run: Program;
  readonly probe?: CommandProbe;
  /** Must succeed after it ran. */
  readonly check?: Program;
  /** Where it works; in a folder of its own, which holds the files, where nothing is said. */
  readonly directory?: string;
  readonly files: readonly { readonly from: string; readonly as: string }[];
  readonly env: Readonly<Record<string, string>>;
  /** Variables that it gets as Pawl, or its runner, has them. */
  readonly pass: readonly string[];
  readonly tests: readonly OperationTest[];
}

export type Parameter = ItemParameter | { readonly type: "boolean" } | ListParameter;
export type ItemParameter =
  | {
      readonly type: "string";
      readonly maxLength: number;
      /** RE2, of the whole value. */
      readonly pattern?: string;
      readonly oneOf?: readonly string[];
      /** Line feeds and tabs may stand in it. */
      readonly lines?: true;
    }
  | { readonly type: "integer"; readonly min: number; readonly max: number }
  /** A decimal number as text, so that no cent is lost. */
  | { readonly type: "money"; readonly digits: number; readonly max: number };
export interface ListParameter {
  readonly type: "list";
  readonly of: ItemParameter;
  readonly maxItems: number;
}

export type Argument = string | number | boolean | readonly (string | number)[];
export type Arguments = Readonly<Record<string, Argument>>;

export const METHODS = ["POST", "PUT", "PATCH", "DELETE"] as const;

export interface RequestTemplate {
  readonly method: (typeof METHODS)[number];
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly success: readonly number[];
  /** Statuses that say that nothing was done. */
  readonly refused: readonly number[];
}

export interface ProbeTemplate extends Pick<RequestTemplate, "path" | "query" | "headers"> {
  readonly select: Readonly<Record<string, Select>>;
  /** Statuses that say that it is not there. */
  readonly absent: readonly number[];
}

/** One field of the state: where it stands in the answer (a JSON pointer), and whether a person may see it. */
export interface Select {
  readonly at: string;
  readonly masked: boolean;
}

/** What the write carries so that it fails if somebody else wrote first. */
export type Compare =
  | { readonly kind: "etag" }
  /** Read from the probe's answer, and sent as this member of the body. */
  | { readonly kind: "version"; readonly at: string; readonly member: string };

export interface Idempotency {
  readonly header: string;
  /** Where the probe's answer shows the key of the last write, if it does. */
  readonly proof?: string;
}

/** What the state must be afterwards. */
export interface Expectation {
  readonly present: boolean;
  readonly fields: Readonly<Record<string, Json>>;
}

export type UndoDeclaration =
  | { readonly kind: "operation"; readonly operation: string; readonly arguments: Readonly<Record<string, Json>> }
  | { readonly kind: "manual" | "impossible"; readonly text: string };

export interface EffectMapping {
  readonly kind: EffectKind;
  /** What follows `#` in the resource's name. */
  readonly resource: string;
  readonly resourceKind: string;
  readonly reversibility: Reversibility;
  readonly exposure: Exposure;
  readonly privilege: Privilege;
  readonly owners: readonly string[];
  readonly surfaces: readonly string[];
  /** `money`, `recipients`, `rows`: what the limits of a scope count. */
  readonly amounts: Readonly<Record<string, Json>>;
  readonly audience?: string;
}

export interface Program {
  readonly argv: readonly string[];
  readonly timeoutSeconds: number;
  readonly success: readonly number[];
  /** Exit codes that say that nothing was done. */
  readonly refused: readonly number[];
}

export interface CommandProbe extends Program {
  /** Fields of the JSON that it prints; without, what it prints is the one field `output`. */
  readonly select?: Readonly<Record<string, Select>>;
  readonly absent: readonly number[];
}

/** What is there. */
export interface State {
  readonly present: boolean;
  readonly fields: Readonly<Record<string, Json>>;
}

/** Arguments, what the system would answer, and what must come of both. */
export interface OperationTest {
  readonly name: string;
  readonly arguments: Json;
  /** Of the probe: a status and a body, or an exit code and an output. */
  readonly before?: Readonly<Record<string, Json>>;
  readonly expect: Readonly<Record<string, Json>>;
}

export interface TestResult {
  /** `http/tickets/close`. */
  readonly operation: string;
  readonly name: string;
  readonly passed: boolean;
  readonly expected: Json;
  readonly actual: Json;
}

/** `http/tickets/close`: how an operation is named where there are several systems. */
export const operationName = ({ connector, name }: Pick<System, "connector" | "name">, operation: { readonly name: string }): string =>
  `${connector}/${name}/${operation.name}`;
