import { ok } from "../../core/base/index.ts";
import { bodyReader } from "../query.ts";
import { explainBody, policyBody } from "../contract/requests.ts";
import { callerOf, type Handlers } from "./call.ts";

const readPolicyText = bodyReader<{ text: string }>(policyBody);
const readQuestion = bodyReader<{ change: string; text?: string }>(explainBody);

type Names =
  | "readPolicy"
  | "checkPolicy"
  | "testPolicy"
  | "explainPolicy"
  | "readDirectory"
  | "readConnectors"
  | "whoami"
  | "createToken"
  | "listTokens"
  | "revokeToken";

/** Policy, people and their tokens. */
export const rules: Pick<Handlers, Names> = {
  readPolicy: (call) => call.deps.control.policy(callerOf(call)),
  async checkPolicy(call) {
    const body = readPolicyText(call.body);
    return body.ok ? call.deps.control.policyCheck(callerOf(call), body.value.text) : body;
  },
  async testPolicy(call) {
    const body = readPolicyText(call.body);
    return body.ok ? call.deps.control.policyTest(callerOf(call), body.value.text) : body;
  },
  async explainPolicy(call) {
    const body = readQuestion(call.body);
    return body.ok ? call.deps.control.policyExplain(callerOf(call), body.value.change, body.value.text) : body;
  },
  readConnectors: (call) => call.deps.control.connectors(callerOf(call)),
  readDirectory: (call) => call.deps.control.directory(callerOf(call)),
  whoami: (call) => call.deps.control.whoami(callerOf(call)),
  createToken: (call) => call.deps.control.createToken(callerOf(call), call.body ?? null),
  async listTokens(call) {
    const tokens = await call.deps.control.listTokens(callerOf(call));
    return tokens.ok ? ok({ tokens: tokens.value }) : tokens;
  },
  revokeToken: (call) => call.deps.control.revokeToken(callerOf(call), call.id),
};
