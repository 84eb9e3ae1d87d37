/** Copies a SQLite file into a PostgreSQL database, and dies at the row that it is told: `child-move.ts PATH URL ROWS`. */
import { move, openPostgres, openSqlite } from "../../src/store/index.ts";
import { ORIGIN, signer } from "./world.ts";

const [path = "", url = "", rows = "0"] = process.argv.slice(2);
const source = await openSqlite({ path, origin: ORIGIN, signer });
const target = await openPostgres({ url, origin: ORIGIN, signer });
if (!source.ok || !target.ok) throw new Error("a database does not open");
const to = target.value;
let left = Number(rows);
const moved = await move(source.value, {
  log: to.log,
  fill: (work) =>
    to.fill((filling) =>
      work({
        ...filling,
        insert: async (table, inserted) => {
          await filling.insert(table, inserted);
          left -= inserted.length;
          if (left < 0) process.kill(process.pid, "SIGKILL");
        },
      }),
    ),
});
console.log(JSON.stringify(moved));
await source.value.close();
await to.close();
