import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRepositories } from "./declare.ts";
import type { GitRepository } from "./types.ts";

const SHOP: GitRepository = { name: "shop", url: "/srv/git/shop.git", environment: "production" };

test("[GI-34] addresses of the allowed kinds pass", () => {
  for (const url of [
    "/srv/git/x.git",
    "file:///srv/x.git",
    "https://git.example.com/x.git",
    "ssh://git@git.example.com:22/x.git",
    "git@git.example.com:org/x.git",
  ]) {
    assert.deepEqual(checkRepositories([{ ...SHOP, url }]), [], url);
  }
});

test("[GI-34] addresses that run programs, carry credentials or look like options are refused", () => {
  const bad = [
    "ext::sh -c touch% x",
    "-x",
    "--upload-pack=x",
    "ssh://-oProxyCommand=x/y",
    "git@-oProxyCommand=x:y",
    "https://user:pw@host/x",
    "http://host/x",
    "git://host/x",
    "x.git",
    "fd::17",
    "",
    "/a\nb",
  ];
  for (const url of bad) assert.equal(checkRepositories([{ ...SHOP, url }]).length, 1, url);
});

test("[GI-34] all faults of all declarations are named at once", () => {
  const faults = checkRepositories([
    { ...SHOP, name: "Shop" },
    { ...SHOP, branches: ["-x", "***", "ok/*"], verify: { argv: [], timeoutSeconds: 0 }, author: { name: "a\nb", email: "x>" } },
    SHOP,
    { ...SHOP, environment: "" },
  ]);
  assert.deepEqual(
    faults.map(({ where }) => where),
    [
      "repositories[0].name",
      "repositories[1].branches",
      "repositories[1].branches",
      "repositories[1].author",
      "repositories[1].author",
      "repositories[1].verify.argv",
      "repositories[1].verify.timeoutSeconds",
      "repositories[2].name",
      "repositories[3].name",
      "repositories[3].environment",
    ],
  );
});
