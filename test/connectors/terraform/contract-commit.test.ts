import { test } from "node:test";
import { connectorContract } from "../../contract/connector.ts";
import { World, data, settled, skip } from "./world.ts";

if (skip !== false) test("the connector terraform keeps the contract of connectors, from a commit", { skip }, () => undefined);
else {
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
