import { connectorContract } from "../../contract/connector.ts";
import { MOVE, ROLL, world } from "./world.ts";

connectorContract("http, compared by an ETag", async (t) => ({ connector: (await world(t)).connector(), input: MOVE }));
connectorContract("http, compared by a version", async (t) => ({ connector: (await world(t)).connector(), input: ROLL }));
connectorContract("http, with nothing to compare by", async (t) => {
  const { connector } = await world(t, (text) => text.replace("        compare: etag\n", ""));
  return { connector: connector(), input: MOVE };
});
