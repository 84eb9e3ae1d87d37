import { canonical, digestJson, isDigest, isObject, ok, parseJson, refuse } from "../../core/base/index.ts";
import type { Digest, Json, Refusal, Result } from "../../core/base/index.ts";
import type { Fingerprint, TerraformPayload } from "./types.ts";

export const PAYLOAD_SCHEMA = "pawl/terraform-payload/v1";
const CLAIM_SCHEMA = "pawl/terraform-claim/v1";

export const encodePayload = (payload: TerraformPayload): Uint8Array => Buffer.from(canonical(payload));
/** What stands for a plan that somebody brought: it names no file, so that there is nothing to apply. */
export const encodeClaim = (workspace: string, plan: string): Uint8Array =>
  Buffer.from(canonical({ schema: CLAIM_SCHEMA, workspace, plan_json: plan }));

export const stateDigestOf = (workspace: string, { lineage, serial, content, seen }: Fingerprint): Digest =>
  digestJson({ schema: "pawl/terraform-state/v1", workspace, lineage, serial, content, seen });
export const claimStateDigest = (workspace: string): Digest => digestJson({ schema: "pawl/terraform-claimed-state/v1", workspace });

const KEYED = /^hmac-sha256:[0-9a-f]{64}$/;

const invalid = (why: string): { readonly ok: false; readonly error: Refusal<"terraform_payload_invalid" | "terraform_claim_only"> } =>
  refuse("terraform_payload_invalid", `the payload is not one of the connector terraform: ${why}`, { remedy: "plan the change again" });

/** Payload bytes as they come back from the store: digest-checked by the caller, and read strictly all the same. */
export function decodePayload(bytes: Uint8Array): Result<TerraformPayload, Refusal<"terraform_payload_invalid" | "terraform_claim_only">> {
  const read = parseJson(bytes);
  if (!read.ok) return invalid(read.error.message);
  const value = read.value;
  if (!isObject(value)) return invalid("not an object");
  if (value["schema"] === CLAIM_SCHEMA)
    return refuse("terraform_claim_only", "this plan was brought by its proposer: it is a claim, and is never executed", {
      remedy: "propose the configuration, so that the runner makes the plan",
    });
  if (canonical(value) !== new TextDecoder().decode(bytes)) return invalid("these are not the canonical bytes of one");
  return isPayload(value) ? ok(value as unknown as TerraformPayload) : invalid("a member is missing or malformed");
}

function isPayload(value: Record<string, Json>): boolean {
  const { schema, workspace, recipe, plan, plan_json, program, state, previous } = value;
  return (
    schema === PAYLOAD_SCHEMA &&
    typeof workspace === "string" &&
    isRecipe(recipe) &&
    isKeyed(plan) &&
    isKeyed(plan_json) &&
    isObject(program) &&
    typeof program["version"] === "string" &&
    isDigestText(program["digest"]) &&
    isFingerprint(state) &&
    (previous === undefined || isRecipe(previous))
  );
}

const isKeyed = (value: Json | undefined): boolean => typeof value === "string" && KEYED.test(value);
const isDigestText = (value: Json | undefined): boolean => typeof value === "string" && isDigest(value);

export function isRecipe(value: Json | undefined): boolean {
  if (!isObject(value)) return false;
  const { configuration, variables, targets, destroy } = value;
  if (!isObject(configuration) || !isObject(variables) || !Array.isArray(targets) || typeof destroy !== "boolean") return false;
  const pin = configuration["value"];
  const pinned = configuration["kind"] === "commit" ? isCommit(pin) : configuration["kind"] === "digest" && isDigestText(pin);
  const fetched = [configuration["modules"], configuration["providers"]].every((one) => one === undefined || isDigestText(one));
  return (
    pinned && fetched && targets.every((one) => typeof one === "string") && Object.values(variables).every((one) => typeof one !== "object")
  );
}

export const isCommit = (value: Json | undefined): value is string =>
  typeof value === "string" && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(value);

function isFingerprint(value: Json | undefined): boolean {
  if (!isObject(value)) return false;
  const { lineage, serial, content, seen } = value;
  return typeof lineage === "string" && Number.isSafeInteger(serial) && isKeyed(content) && isKeyed(seen);
}
