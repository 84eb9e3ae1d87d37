/** The connector to Pawl's own rules, and the scripted one of the tests, keep every connector's promises. */
import { canonical } from "../../src/core/base/index.ts";
import { ControlWorld, WORLD_DIRECTORY, WORLD_POLICY } from "../../src/testing/control-world.ts";
import { withPerson } from "../../src/testing/people.ts";
import { Outside } from "../../src/testing/scripted-connector.ts";
import { pawlConnector } from "../../src/connectors/pawl/index.ts";
import { configDesk } from "../../src/control/index.ts";
import { connectorContract } from "./connector.ts";

connectorContract("script", () => ({ connector: new Outside().connector(), input: { target: "shop#src/cart", set: "new" } }));

connectorContract("pawl: policy", async () => {
  const { deps } = await ControlWorld.open({ worker: false });
  return { connector: pawlConnector(configDesk(deps)), input: { kind: "policy", text: WORLD_POLICY.replace("name: world", "name: next") } };
});

connectorContract("pawl: directory", async () => {
  const { deps } = await ControlWorld.open({ worker: false });
  const text = canonical(withPerson("bo", { active: false }, WORLD_DIRECTORY));
  return { connector: pawlConnector(configDesk(deps)), input: { kind: "directory", text } };
});
