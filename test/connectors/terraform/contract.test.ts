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

  connectorContract("terraform, from a commit, with a replacement and a destroy", async (t) => {
    const world = new World(t);
    const repository = world.git();
    world.file("main.tf", data("a", "  triggers_replace = 1") + data("b", "  input = 1") + data("c", "  input = 1"));
    const source = { source: repository.path, ref: "main" };
    repository.commit();
    const connector = world.connector(source);
    await settled(connector);
    world.file("main.tf", data("a", "  triggers_replace = 2") + data("b", "  input = 2"));
    return { connector, input: { workspace: "net", operation: "apply", commit: repository.commit() } };
  });
}
