/** The thread that writes: it waits for the disk so that the event loop need not. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/base/index.ts";
import { unpack } from "./packed.ts";
import { connect, runProgram } from "./program.ts";
import { tidied, tidying, type Message } from "./writer.ts";

const port = parentPort;
assert(port, "the writer runs in a thread of its own");
const connection = connect((workerData as { path: string }).path);
const answered = tidying(connection);

port.on("message", (message: Message) => {
  if (message === "tidy") return port.postMessage(tidied(connection));
  if (message !== "close") {
    const steps = unpack(message);
    port.postMessage(runProgram(connection, steps));
    return answered(steps);
  }
  connection.db.close();
  port.close();
});
