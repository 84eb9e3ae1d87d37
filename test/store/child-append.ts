/** Appends without end and says which entries were acknowledged: `child-append.ts KIND PLACE COUNT`. */
import { writeSync } from "node:fs";
import { openPostgres, openSqlite } from "../../src/store/index.ts";
import { ORIGIN, counted, gathered, payload, signer } from "./world.ts";

const [kind, place = "", count = "0"] = process.argv.slice(2);
const opened =
  kind === "sqlite"
    ? await openSqlite({ path: place, origin: ORIGIN, signer, now: () => performance.now() })
    : await openPostgres({ url: place, origin: ORIGIN, signer });
if (!opened.ok) throw new Error(opened.error.message);
const store = opened.value;

/** Past the event loop, so that what was acknowledged is said even if the next thing that happens is the end. */
const say = (word: string): number => writeSync(1, `${word}\n`);

async function write(writer: number): Promise<void> {
  const first = (await store.load(`change/${writer}`))?.version ?? 0;
  for (let n = first; n < first + Number(count); n++) {
    const writes = [counted(`change/${writer}`, n), gathered("audit")];
    const answer = await store.append({
      writes,
      payloads: [payload(`${writer}/${n}`)],
      claims: [{ kind: "vote", key: `${writer}/${n}`, value: "yes" }],
    });
    if (!answer.ok) throw new Error(answer.error.message);
    say(`${writer} ${n} ${answer.value.indexes.join(" ")}`);
  }
}
say("begin");
await Promise.all(Array.from({ length: Number(count) === 1 ? 1 : 8 }, (_, i) => write(i)));
await store.close();
