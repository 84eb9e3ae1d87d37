/** The thread that writes: it waits for the disk so that the event loop need not. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../core/base/index.ts";
import { connect, runProgram, type ProgramStep } from "./program.ts";

const port = parentPort;
assert(port, "the writer runs in a thread of its own");
const connection = connect((workerData as { path: string }).path);

port.on("message", (steps: readonly ProgramStep[] | "close") => {
  if (steps !== "close") return port.postMessage(runProgram(connection, steps));
  connection.db.close();
  port.close();
});
