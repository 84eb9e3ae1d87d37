import { findSecrets, type SecretHit } from "./secrets.ts";

/**
 * Every form of secret that the rules know holds one of these, or so many characters of a key in a row. Plain prose holds none, so
 * that most words need no rule run over them; test/connectors/git/words.test.ts holds this against the rules.
 */
const SUSPECT = /_|:\/\/|-----|secret|account|sg\.|xox|xapp|[A-Za-z0-9+/=.-]{16}/i;

/** May hold a secret; `false` is sure. */
export const isSuspect = (words: string): boolean => SUSPECT.test(words);

/** Secrets in what somebody wrote: a title, a comment, a reason. */
export async function findSecretsInWords(words: string): Promise<readonly SecretHit[]> {
  return isSuspect(words) ? findSecrets(words, "words.txt") : [];
}
