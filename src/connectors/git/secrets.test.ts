import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY, TOKEN } from "../../../test/connectors/git/canaries.ts";
import { findSecrets } from "./secrets.ts";

test("[GI-6] secrets are found with rule and line, and never said", async () => {
  const hits = await findSecrets(`one\ntwo ${TOKEN}\n\n${KEY}\n`, "a.ts");
  assert.deepEqual(
    hits.map(({ rule, line }) => [rule, line]),
    [
      ["github/GITHUB_TOKEN", 2],
      ["privatekey/PrivateKey", 4],
    ],
  );
  assert.ok(!JSON.stringify(hits).includes(TOKEN.slice(4, 20)));
});

test("[GI-6] comments that ask the scanner to look away are not obeyed", async () => {
  assert.equal((await findSecrets(`// secretlint-disable\nconst t = "${TOKEN}"; // secretlint-disable-line\n`, "a.ts")).length, 1);
});

test("[GI-6] a secret anywhere in a long text is found once", async () => {
  const filler = "const a = 1; // nothing of note\n";
  for (const count of [0, 1_000, 2_046, 2_047, 2_048, 5_000]) {
    const hits = await findSecrets(`${filler.repeat(count)}${TOKEN}\n${filler.repeat(3_000)}`, "a.ts");
    assert.deepEqual(
      hits.map(({ line }) => line),
      [count + 1],
    );
  }
});

test("[GI-6] ordinary text holds none", async () => {
  assert.deepEqual(await findSecrets("const password = process.env.PASSWORD;\nhttps://example.com/a:b@c\n", "a.ts"), []);
});
