import { connectorContract } from "../../contract/connector.ts";
import { KINDS, openWorld } from "./world.ts";

const SETUP = `CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, age integer);
  INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Grace', 45), (3, 'Edsger', 72)`;

for (const kind of KINDS) {
  connectorContract(`sql on ${kind}, rows`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const statements =
      "UPDATE users SET age = age + 1 WHERE id < 3; DELETE FROM users WHERE id = 3; INSERT INTO users VALUES (4, 'Barbara', 28)";
    return { connector: world.connector, input: { database: "shop", statements } };
  });

  connectorContract(`sql on ${kind}, schema`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    const statements =
      "ALTER TABLE users ADD COLUMN email text; CREATE TABLE orders (id integer PRIMARY KEY, buyer integer); CREATE INDEX by_buyer ON orders (buyer)";
    return { connector: world.connector, input: { database: "shop", statements } };
  });
}
