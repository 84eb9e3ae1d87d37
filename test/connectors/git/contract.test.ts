import { connectorContract } from "../../contract/connector.ts";
import type { Connector } from "../../../src/control/ports.ts";
import { World, patchOf } from "./world.ts";

connectorContract("git, from a patch", (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "b/c.txt": "c\n" });
  const patch = patchOf("a.txt", "one\n", "two\n") + patchOf("b/c.txt", "c\n", "") + patchOf("d.txt", "", "d\n");
  return { connector: world.connector(), input: { repository: "shop", branch: "main", patch, message: "Change three files" } };
});

connectorContract("git, run by another node than planned it", (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "b/c.txt": "c\n", "old/name.txt": "stays the same\n", "was-file": "f\n" });
  world.branch("task");
  world.commit("task", {
    "a.txt": "two\n",
    "b/c.txt": undefined,
    b: { run: "#!/bin/sh\n" },
    "old/name.txt": undefined,
    "new/name.txt": "stays the same\n",
    "was-file": undefined,
    "was-file/inside": { link: "../a.txt" },
    bytes: Buffer.from([0, 255, 10, 13]),
    empty: "",
    sub: { submodule: "1".repeat(40) },
  });
  const [planner, other] = [world.connector(), world.connector({}, { node: "other" })];
  const connector: Connector = { ...other, analyse: (input, limits) => planner.analyse(input, limits) };
  return { connector, input: { repository: "shop", branch: "main", ref: "task" } };
});

connectorContract("git, from a ref", (t) => {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n" });
  world.branch("task");
  world.commit("task", { "a.txt": "two\n", x: { link: "a.txt" }, "run.sh": { run: "#!/bin/sh\n" } });
  world.commit("main", { "other.txt": "moved on\n" });
  return { connector: world.connector(), input: { repository: "shop", branch: "main", ref: "task" } };
});
