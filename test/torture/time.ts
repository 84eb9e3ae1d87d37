/** Time that nobody has to wait for. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client } from "pg";

const FREED = "UPDATE outbox SET lease_until = 0 WHERE settled = 0";

/** The jobs that a dead process held are anybody's, as they are a minute after its end. */
export async function aMinuteLater(folder: string, postgres?: string): Promise<void> {
  if (postgres === undefined) {
    const db = new DatabaseSync(join(folder, "data", "pawl.db"));
    db.exec(FREED);
    return db.close();
  }
  const client = new Client({ connectionString: postgres });
  await client.connect();
  await client.query(FREED);
  await client.end();
}
