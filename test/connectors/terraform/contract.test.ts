import { test } from "node:test";
import { connectorContract } from "../../contract/connector.ts";
import { World, data, settled, skip } from "./world.ts";

if (skip !== false) test("the connector terraform keeps the contract of connectors", { skip }, () => undefined);
else {
  connectorContract("terraform, from a folder, in place", async (t) => {
    const world = new World(t);
    world.file("main.tf", data("a", "  input = 1") + data("b", '  input = "stays"'));
    const connector = world.connector();
    await settled(connector);
    world.file("main.tf", data("a", "  input = 2") + data("b", '  input = "stays"') + data("c", "  input = 3"));
    return { connector, input: { workspace: "net", operation: "apply" } };
  });
}
