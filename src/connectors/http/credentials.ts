import { readFileSync, statSync } from "node:fs";
import { PATTERNS, fail, ok } from "../../core/base/index.ts";
import type { Refusal, Result } from "../../core/base/index.ts";
import type { Credential, HttpOptions } from "./types.ts";

/** A header of a request, and what of it must appear nowhere else. */
export interface Bearer {
  readonly header: string;
  readonly value: string;
  readonly secret: string;
}

const MOST = 16 * 1024;
const refusal = (code: string, message: string, remedy: string): Result<never> => fail({ code, message, remedy });

/** A credential for one origin, read now: a value that was replaced is the new one at the next request. */
export function bearerFor(options: HttpOptions, name: string | undefined, origin: string): Result<Bearer | undefined> {
  if (name === undefined) return ok(undefined);
  const credential = options.credentials.find((each) => each.name === name);
  if (credential === undefined)
    return refusal("http_credential_unknown", `no credential is called ${name} here`, "declare it in the settings of whoever runs this");
  if (!credential.origins.includes(origin))
    return refusal(
      "http_credential_origin",
      `the credential ${name} may not be sent to ${origin}`,
      "name the origin beside it in the settings, if it is meant",
    );
  const secret = valueOf(credential, options.env ?? process.env);
  if (secret === undefined || secret === "" || secret.length > MOST || !/^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(secret))
    return refusal(
      "http_credential_absent",
      `the credential ${name} has no value that a header can hold`,
      "set its variable, or write its file",
    );
  const { header, scheme } = credential;
  return ok({ header: header.toLowerCase(), value: scheme === undefined ? secret : `${scheme} ${secret}`, secret });
}

function valueOf({ valueEnv, valueFile }: Credential, env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (valueEnv !== undefined) return env[valueEnv]?.trim();
  if (valueFile === undefined) return undefined;
  try {
    return statSync(valueFile).size > MOST ? undefined : readFileSync(valueFile, "utf8").trim();
  } catch {
    return undefined;
  }
}

const NAME = new RegExp(PATTERNS.name);
const HEADER = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;
const FRAMING = /^(host|content-.*|transfer-encoding|connection|expect|te|trailer|upgrade|if-.*|accept.*|user-agent)$/i;

/** What is wrong with the operator's declarations: all of it. */
export function checkHttp({ credentials, allowPrivate }: Pick<HttpOptions, "credentials" | "allowPrivate">): readonly Refusal[] {
  const faults: Refusal[] = [];
  const add = (where: string, message: string, remedy: string): void =>
    void faults.push({ code: "http_declaration_invalid", message, where, remedy });
  const originFault = (where: string, origin: string, loopback: boolean): void => {
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (url === undefined || url.origin !== origin)
      return add(where, `${JSON.stringify(origin)} is no origin`, "write https:// and a host, and nothing after it");
    const isLocal = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
    if (url.protocol !== "https:" && !(loopback && url.protocol === "http:" && isLocal))
      add(where, `${origin} is not https://`, "only this machine, named in http.allow_private, is spoken to without");
  };
  for (const [i, origin] of allowPrivate.entries()) originFault(`http.allow_private[${i}]`, origin, true);
  for (const [i, { name, origins, header, valueEnv, valueFile, scheme }] of credentials.entries()) {
    const at = `credentials[${i}]`;
    if (!NAME.test(name))
      add(`${at}.name`, "a name has up to 64 lower-case letters, digits and . _ -", "choose a short name such as `tickets`");
    for (const [n, origin] of origins.entries()) originFault(`${at}.origins[${n}]`, origin, allowPrivate.includes(origin));
    if (!HEADER.test(header) || FRAMING.test(header))
      add(`${at}.header`, `${header} is no header for a credential`, "write Authorization, or the API's own");
    if (scheme !== undefined && !/^[A-Za-z0-9-]+$/.test(scheme))
      add(`${at}.scheme`, "a scheme is one word", "write Bearer, or leave it out");
    if ((valueEnv === undefined) === (valueFile === undefined))
      add(at, "there must be one of value_env and value_file", "say where the value is; never write it here");
  }
  return faults;
}
