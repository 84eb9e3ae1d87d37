/** What the command line needs of each answer: no more than it uses, so that a newer server is still understood. */
type Shape = "string" | "number" | "boolean" | "object" | readonly [Shape] | { readonly [member: string]: Shape };

const TEXTS = ["string"] as const;

/** A member whose name ends in `?` may be missing. */
const CHANGE = {
  id: "string",
  status: "string",
  version: "number",
  revision: "number",
  title: "string",
  proposer: "string",
  on_behalf_of: "string",
  created_at: "number",
  updated_at: "number",
  expires_at: "number",
  next: "string",
  "outcome?": "string",
  "review_digest?": "string",
  "seats?": [
    {
      id: "string",
      who: TEXTS,
      count: "number",
      strength: "string",
      signed_by: [{ name: "string", channel: "string" }],
      missing: "number",
      unfillable: "boolean",
    },
  ],
  "holds?": TEXTS,
  "glass?": [{ name: "string", by: "string", at: "number", due_at: "number", overdue: "boolean" }],
  "because?": { code: "string", "text?": "string" },
  "instructions?": [{ rule: "string", code: "string", message: "string", "resource?": "string" }],
  "drift?": { expected: "string", observed: "string" },
  "run?": {
    id: "string",
    runner: "string",
    started_at: "number",
    steps: [{ id: "string", connector: "string", outcome: "string" }],
  },
  "waits_for?": { change: "string", status: "string" },
} as const satisfies Shape;

const DIGESTS = {
  plan: "string",
  state: "string",
  route: "string",
  bundle: "string",
  presentation: "string",
  review: "string",
  payload: "string",
} as const satisfies Shape;

const TOKEN = {
  id: "string",
  principal: "string",
  label: "string",
  created_at: "number",
  "expires_at?": "number",
  revoked: "boolean",
} as const;

const RUNNER = {
  id: "string",
  status: "string",
  label: "string",
  created_at: "number",
  updated_at: "number",
  "token_ends_at?": "number",
  allowed_environments: TEXTS,
  environments: TEXTS,
  connectors: [{ name: "string", digest: "string" }],
} as const satisfies Shape;

/** By method and path; the first that fits. */
const ANSWERS: readonly (readonly [RegExp, Shape])[] = [
  [
    /^GET \/v1\/glass$/,
    { glass: [{ change: "string", title: "string", name: "string", by: "string", at: "number", due_at: "number", overdue: "boolean" }] },
  ],
  [/^GET \/v1\/changes$/, { changes: [CHANGE], "cursor?": "string" }],
  [/^GET \/v1\/changes\/[^/]+\/events$/, { events: [{ index: "number", type: "string", at: "number", event: "object" }] }],
  [
    /^GET \/v1\/changes\/[^/]+\/plan$/,
    {
      change: CHANGE,
      plan: "object",
      presentation: "object",
      trace: ["object"],
      context: "object",
      "conflicts?": [{ change: "string", status: "string", proposer: "string", resources: TEXTS, "more?": "number" }],
      digests: DIGESTS,
    },
  ],
  [
    /^GET \/v1\/changes\/[^/]+\/outcome$/,
    {
      change: "string",
      run: "string",
      because: "string",
      steps: [
        {
          id: "string",
          connector: "string",
          outcome: "string",
          approved: "string",
          "seen?": { state: "string", as_approved: "boolean", context: "object" },
        },
      ],
      "checked?": { n: "number", result: "string", at: "number" },
    },
  ],
  [/^GET \/v1\/changes\/[^/]+\/grant$/, { payloadType: "string", payload: "string", signatures: [{ keyid: "string", sig: "string" }] }],
  [/^GET \/v1\/changes\/[^/]+\/bundle$/, { schema: "string", change: "string" }],
  [/^GET \/v1\/export$/, { events: ["object"], cursor: "string", more: "boolean" }],
  [/^\w+ \/v1\/changes\b/, CHANGE],
  [/^GET \/v1\/ledger\/head$/, { size: "number", checkpoint: "string" }],
  [/^GET \/v1\/ledger\/entries$/, { entries: [{ index: "number", stream: "string", entry: "string" }] }],
  [/^GET \/v1\/ledger\/proof\//, { proof: TEXTS }],
  [/^GET \/v1\/policy$/, { text: "string", digest: "string", name: "string" }],
  [/^POST \/v1\/policy\/explain$/, { lines: TEXTS }],
  [
    /^GET \/v1\/directory$/,
    {
      persons: [{ id: "string", name: "string", active: "boolean", roles: TEXTS, identities: TEXTS }],
      machines: [{ id: "string", owner: "string", active: "boolean", actsFor: TEXTS }],
      groups: [{ name: "string", handles: TEXTS, members: TEXTS }],
    },
  ],
  [/^GET \/v1\/whoami$/, { principal: "string", name: "string", roles: TEXTS, groups: TEXTS, "owner?": "string" }],
  [/^GET \/v1\/tokens$/, { tokens: [TOKEN] }],
  [/^POST \/v1\/tokens$/, { token: "string", view: TOKEN }],
  [/^DELETE \/v1\/tokens\//, TOKEN],
  [/^GET \/v1\/runners$/, { runners: [RUNNER] }],
  [/^POST \/v1\/runners\/tokens$/, { token: "string", view: RUNNER }],
  [/^DELETE \/v1\/runners\//, RUNNER],
  [/^GET \/v1\/health$/, { ok: "boolean", version: "string", checks: [{ name: "string", ok: "boolean", "text?": "string" }] }],
];

/** What is wrong with an answer, if anything: `seats.0.who is no list`. */
export function misfit(asked: string, answer: unknown): string | undefined {
  return wrongIn(answer, ANSWERS.find(([route]) => route.test(asked))?.[1] ?? "object", "");
}

/** A refusal's parts that are told, beside those without which it is none. */
export const isProblem = (value: unknown): boolean => wrongIn(value, PROBLEM, "") === undefined;

const FAULT = {
  code: "string",
  message: "string",
  "where?": "string",
  "remedy?": "string",
  "file?": "string",
  "line?": "number",
  "column?": "number",
  "caret?": "string",
} as const satisfies Shape;

const PROBLEM = {
  code: "string",
  reason: "string",
  detail: "string",
  "where?": "string",
  "remedy?": "string",
  "instance?": "string",
  "faults?": [FAULT],
  "details?": "object",
} as const satisfies Shape;

function wrongIn(value: unknown, shape: Shape, at: string): string | undefined {
  const is = (what: string): string => `${at === "" ? "it" : at} is no ${what}`;
  if (typeof shape === "string" && shape !== "object") return typeof value === shape ? undefined : is(shape);
  if (isList(shape)) return Array.isArray(value) ? wrongInList(value, shape[0], at) : is("list");
  if (typeof value !== "object" || value === null || Array.isArray(value)) return is("object");
  if (typeof shape === "string") return undefined;
  for (const [told, inner] of Object.entries(shape)) {
    const name = told.replace("?", "");
    const member = Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
    const wrong = member === undefined && told !== name ? undefined : wrongIn(member, inner, under(at, name));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);
const under = (at: string, name: string): string => (at === "" ? name : `${at}.${name}`);

function wrongInList(items: readonly unknown[], shape: Shape, at: string): string | undefined {
  for (const [i, item] of items.entries()) {
    const wrong = wrongIn(item, shape, under(at, String(i)));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
