import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { rules } from "@secretlint/secretlint-rule-preset-recommend";
import { findSecrets } from "./secrets.ts";
import { findSecretsInWords, isSuspect } from "./words.ts";

const SEED = 20_260_921;
const hex = (n: number): string => "0123456789abcdef".repeat(20).slice(0, n);
const alnum = (n: number): string => "aB3dE6gH1jK4mN7pQ0sT2vW5yZ8".repeat(10).slice(0, n);
const letters = (n: number): string => "aBcDeFgHiJkLmNoPqRsTuVwXyZ".repeat(10).slice(0, n);
const digits = (n: number): string => "0918273645".repeat(10).slice(0, n);
/** Joined here, so that no file holds one. */
const of = (...parts: readonly string[]): string => parts.join("");

/** The shortest secret of each form that each rule knows. */
const SHORTEST: Readonly<Record<string, readonly string[]>> = {
  aws: [
    of("AKIA", "IOSF0DNN7ZXAMPLQ"),
    of("aws_secret_access_key=", alnum(40)),
    of("SecretAccessKey = ", alnum(40)),
    of("AWS_ACCOUNT_ID=", "123456789012"),
    of("account: ", "1234-5678-9012"),
  ],
  privatekey: [of("-----BEGIN", " PRIVATE KEY-----\nMI", alnum(120), "\n-----END", " PRIVATE KEY-----")],
  npm: [
    of("npm", "_", alnum(36)),
    of("//packages.example/:_auth", "Token=", alnum(20)),
    of("https://", alnum(8), ":x-oauth-basic@github.com/a"),
  ],
  basicauth: [of("https://", "deploy", ":", alnum(10), "@ef.io")],
  slack: [of("xoxb", "-1-2"), of("xapp", "-a-b"), of("https://hooks.slack.com/services/", "T1/B1/a")],
  sendgrid: [of("SG", ".a.bc"), of("SG", `.${alnum(22)}.${alnum(43)}`)],
  shopify: [of("shpat", "_", hex(32))],
  stripe: [of("sk", "_live_", alnum(24))],
  github: [of("ghp", "_", alnum(36)), of("github", "_pat_", alnum(82)), of("ghs", "_1_a.b.c")],
  gitlab: [of("glpat", "-", alnum(20))],
  grafana: [of("glc", "_", alnum(32)), of("glsa", "_", alnum(32), "_", hex(8))],
  openai: [of("sk-", alnum(20), "T3Blbk", "FJ", alnum(20)), of("sk-proj-", alnum(58), "T3Blbk", "FJ", alnum(58))],
  anthropic: [of("sk-ant-", "api03-", alnum(93), "AA")],
  groq: [of("gsk", "_", alnum(52))],
  huggingface: [of("hf", "_", letters(34))],
  linear: [of("lin", "_api_", alnum(40))],
  notion: [of("ntn", "_", digits(11), alnum(35))],
  "1password": [of("ops", "_", Buffer.from(`{"a":"${"x".repeat(92)}"}`).toString("base64"))],
  "database-connection-string": ["mongodb", "mysql", "postgres"].map((name) => of(name, "://ab:", alnum(8), "@db.internal/x")),
  "hashicorp-vault": [of("hvs", ".", alnum(90)), of("hvb", ".", alnum(138)), of("hvr", ".", alnum(90))],
  vercel: [of("vcp", "_", alnum(20))],
  databricks: [of("dapi", hex(32))],
  docker: [of("dckr", "_pat_", alnum(27))],
  figma: [of("figd", "_", alnum(40))],
  cloudflare: [of("cfut", "_", alnum(40), hex(8))],
  tailscale: [of("tskey", "-auth-", alnum(8), "-", alnum(16))],
};

/** What the rules find is never passed over. */
async function held(words: string): Promise<readonly string[]> {
  const found = await findSecrets(words, "words.txt");
  assert.ok(found.length === 0 || isSuspect(words), `passed over: ${JSON.stringify(words)}`);
  return found.map(({ rule }) => rule.slice(0, rule.indexOf("/")));
}

test("[CO-48] every rule is looked for in words, by its shortest secrets too", async () => {
  // The rule for Google's keys looks into files of certain names, and words are in none.
  const known = rules.filter(({ meta }) => meta.type === "scanner").map(({ meta }) => meta.id.replace("@secretlint/secretlint-rule-", ""));
  const wanted = known.filter((name) => name !== "gcp" && name !== "filter-comments");
  assert.deepEqual(
    Object.keys(SHORTEST).toSorted(),
    wanted.toSorted(),
    "another rule came with the scanner: does isSuspect know its secrets?",
  );
  const silent: string[] = [];
  for (const [rule, secrets] of Object.entries(SHORTEST)) {
    const found = await Promise.all(secrets.map((secret) => held(`so it is ${secret} and no other`)));
    if (!found.some((rulesOf) => rulesOf.includes(rule))) silent.push(rule);
  }
  assert.deepEqual(silent, [], "no sample of these is found by its rule");
});

const pieces = [
  ...Object.values(SHORTEST).flat(),
  "the",
  "page",
  " ",
  "\n",
  "-",
  ".",
  "_",
  ":",
  "@",
  "/",
  "key",
  "é",
  "secret",
  "SG",
  "0",
  "a1",
];

test(`[CO-48] what is passed over unread holds nothing that the rules would find (seed ${SEED})`, async () => {
  const cut = fc
    .tuple(fc.constantFrom(...pieces), fc.nat(160), fc.nat(160))
    .map(([piece, from, length]) => piece.slice(from % piece.length, (from % piece.length) + length + 1));
  const words = fc
    .array(fc.oneof(cut, fc.string({ maxLength: 12 }), fc.constantFrom(...pieces)), { maxLength: 6 })
    .map((all) => all.join(""));
  await fc.assert(
    fc.asyncProperty(words, async (text) => void (await held(text))),
    { seed: SEED, numRuns: 1_500 },
  );
});

test("[CO-48] prose is passed over, and a secret in it is found where it stands", async () => {
  for (const prose of ["Correct the README", "The page says what changed, and where to read more: it's 3 lines (see #12).", ""]) {
    assert.equal(isSuspect(prose), false);
    assert.deepEqual(await findSecretsInWords(prose), []);
  }
  const [hit] = await findSecretsInWords(`first line\nthen ${SHORTEST["github"]?.[0]}`);
  assert.deepEqual([hit?.rule, hit?.line], ["github/GITHUB_TOKEN", 2]);
});
