import { connectorContract } from "../../contract/connector.ts";
import { RELEASE_V2, world } from "./world.ts";

connectorContract("command", (t) => ({ connector: world(t).connector(), input: RELEASE_V2 }));
