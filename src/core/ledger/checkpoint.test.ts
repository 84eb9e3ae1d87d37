import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryLog, testEntries, testSigner } from "../../testing/ledger.ts";
import { toBase64, utf8 } from "../base/index.ts";
import {
  emptyRoot,
  formatCheckpoint,
  formatLogKey,
  keyHash,
  openCheckpoint,
  parseCheckpoint,
  parseVkeys,
  signCheckpoint,
  signNote,
} from "./index.ts";
import type { LedgerCode, LogKey, NoteSigner } from "./index.ts";

const ORIGIN = "log.example/pawl";
const root = new MemoryLog().append(testEntries(5)).root;
const b64 = toBase64(root);
const [oldKey, newKey, stranger] = [1, 2, 3].map((n) => testSigner(ORIGIN, n)) as [NoteSigner, NoteSigner, NoteSigner];
const trust = ({ name, publicKey }: NoteSigner, range: Pick<LogKey, "fromSize" | "untilSize"> = {}): LogKey => ({
  name,
  publicKey,
  id: keyHash(name, publicKey),
  ...range,
});

function refused(note: string, keys: readonly LogKey[], code: LedgerCode, origin = ORIGIN): string {
  const opened = openCheckpoint(note, keys, origin);
  assert.equal(opened.ok ? "accepted" : opened.error.code, code);
  return opened.ok ? "" : opened.error.message;
}

describe("the text", () => {
  test("[LG-18] origin, size, root and extension lines, each ending", () => {
    const checkpoint = { origin: ORIGIN, size: 5, root };
    assert.equal(formatCheckpoint(checkpoint), `${ORIGIN}\n5\n${b64}\n`);
    assert.equal(formatCheckpoint({ ...checkpoint, extensions: ["one", "two"] }), `${ORIGIN}\n5\n${b64}\none\ntwo\n`);
    for (const extensions of [[], ["one", "two"]]) {
      assert.deepEqual(parseCheckpoint(formatCheckpoint({ ...checkpoint, extensions })), {
        ok: true,
        value: { ...checkpoint, extensions },
      });
    }
    assert.deepEqual(parseCheckpoint(formatCheckpoint({ origin: ORIGIN, size: Number.MAX_SAFE_INTEGER, root })).ok, true);
    for (const bad of [
      { origin: "" },
      { origin: "a\nb" },
      { size: -1 },
      { size: 0.5 },
      { size: 2 ** 53 },
      { size: 0 },
      { root: new Uint8Array(31) },
      { extensions: [""] },
      { extensions: ["a\n"] },
    ]) {
      assert.throws(() => formatCheckpoint({ ...checkpoint, ...bad }), /invariant broken/);
    }
  });

  test("[LG-18] any other text is refused", () => {
    const sizes = ["", "05", "+5", "-5", "5 ", " 5", "5.0", "0x5", "5e0", "9007199254740992", "99999999999999999999999", "\u0665"];
    const bad = [
      "",
      "\n",
      ORIGIN,
      `${ORIGIN}\n5\n${b64}`,
      `${ORIGIN}\n5\n`,
      `\n5\n${b64}\n`,
      `${ORIGIN}\n5\n${b64}\n\n`,
      `${ORIGIN}\n5\n${b64}\n\nx\n`,
      `${ORIGIN}\n5\n\n${b64}\n`,
      `${ORIGIN}\r\n5\r\n${b64}\r\n`,
      `${ORIGIN}\n5\n${b64.slice(0, -1)}\n`,
      `${ORIGIN}\n5\n${b64.slice(0, -4)}\n`,
      `${ORIGIN}\n5\n ${b64}\n`,
      `${ORIGIN}\n5\n${b64.slice(0, -2)}${b64.at(-2) === "B" ? "C" : "B"}=\n`,
      `${ORIGIN}\n0\n${b64}\n`,
      ...sizes.map((size) => `${ORIGIN}\n${size}\n${b64}\n`),
    ];
    for (const text of bad) assert.equal(parseCheckpoint(text).ok, false, JSON.stringify(text));
    assert.ok(parseCheckpoint(`${ORIGIN}\n0\n${toBase64(emptyRoot())}\n`).ok);
  });
});

describe("opening", () => {
  test("[LG-19] a trusted key has signed it and it is of the log that was asked for", () => {
    const note = signCheckpoint({ origin: ORIGIN, size: 5, root }, [newKey]);
    const opened = openCheckpoint(note, [trust(oldKey), trust(newKey)], ORIGIN);
    assert.deepEqual(opened, { ok: true, value: { origin: ORIGIN, size: 5, root, extensions: [], signers: [trust(newKey)] } });
    assert.ok(openCheckpoint(utf8(note), [trust(newKey)], ORIGIN).ok);
    refused(note, [trust(newKey)], "checkpoint_foreign", "log.example/other");
    refused(note, [trust(stranger)], "note_untrusted");
    refused(note, [], "note_untrusted");
    refused(note.replace("\n5\n", "\n6\n"), [trust(newKey)], "note_bad_signature");
    refused(signNote("hello\n", [newKey]), [trust(newKey)], "checkpoint_malformed");
  });

  test("[LG-20] [E46] after its last size an old key signs nothing that counts; what it signed before still verifies", () => {
    const keys = [trust(oldKey, { untilSize: 100 }), trust(newKey, { fromSize: 100 })];
    const signed = (size: number, ...signers: NoteSigner[]): string => signCheckpoint({ origin: ORIGIN, size, root }, signers);
    for (const size of [1, 50, 99]) assert.ok(openCheckpoint(signed(size, oldKey), keys, ORIGIN).ok);
    for (const size of [100, 101, 1_000_000]) {
      const message = refused(signed(size, oldKey), keys, "key_not_valid");
      assert.match(message, new RegExp(`size ${size} .*sizes 0 to 99`));
      assert.ok(openCheckpoint(signed(size, newKey), keys, ORIGIN).ok);
    }
    assert.match(refused(signed(99, newKey), keys, "key_not_valid"), /from size 100/);
  });

  test("[LG-20] [E46] of several signatures only those count whose key may sign the size", () => {
    const keys = [trust(oldKey, { untilSize: 100 }), trust(newKey, { fromSize: 90 })];
    const both = (size: number): string => signCheckpoint({ origin: ORIGIN, size, root }, [oldKey, newKey]);
    const signers = (size: number): readonly LogKey[] => {
      const opened = openCheckpoint(both(size), keys, ORIGIN);
      return opened.ok ? opened.value.signers : [];
    };
    assert.deepEqual(signers(80), [keys[0]]);
    assert.deepEqual(signers(95), keys);
    assert.deepEqual(signers(100), [keys[1]]);
    refused(signCheckpoint({ origin: ORIGIN, size: 100, root }, [oldKey, stranger]), keys, "key_not_valid");
  });
});

describe("keys with the sizes that they may sign", () => {
  test("[LG-34] what is written is read again, and any other spelling is refused", () => {
    for (const range of [{}, { fromSize: 7 }, { untilSize: 12 }, { fromSize: 7, untilSize: 12 }]) {
      const line = formatLogKey(trust(oldKey, range));
      assert.deepEqual(parseVkeys([line]), { ok: true, value: [trust(oldKey, range)] }, line);
    }
    const bare = formatLogKey(trust(oldKey));
    for (const tail of [
      " ",
      " from=",
      " from=07",
      " from=-1",
      " until=0",
      " until=7 from=3",
      " from=7  until=9",
      " from=7\n",
      " to=9",
      " from=1e3",
      "\tfrom=7",
    ])
      assert.equal(parseVkeys([bare, `${bare}${tail}`]).ok, false, JSON.stringify(tail));
  });
});
