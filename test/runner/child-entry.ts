/** The process of a connector that does as its input says, also what no connector should. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { serveConnectors } from "../../src/runner/child-serve.ts";
import { ok } from "../../src/core/base/index.ts";
import { probe } from "./child-probe.ts";

const CHANNEL = 3;

serveConnectors(
  new Socket({ fd: CHANNEL, readable: true, writable: true }),
  async () =>
    ok([
      probe({
        look: () => ({ env: { ...process.env }, cwd: process.cwd(), argv: process.argv.slice(2), here: readdirSync(".") }),
        exit: () => process.exit(7),
        hang: () => {
          for (;;) continue;
        },
        hoard: () => {
          const all: number[][] = [];
          for (;;) all.push(Array.from({ length: 1_000_000 }, () => all.length + 0.5));
        },
        forge: () => writeSync(CHANNEL, Buffer.from([0, 0, 0, 9, ...Buffer.from('{"id":99}')])),
        flood: () => writeSync(CHANNEL, Buffer.from([255, 255, 255, 255])),
        orphan: (path) => {
          spawn(process.execPath, ["-e", `require("net").createServer().listen(${JSON.stringify(path)})`], { stdio: "ignore" });
        },
        print: () => {
          process.stdout.write('{"id":2,"answer":{"ok":{"facts":{"printed":true}}}}\n'.repeat(10_000));
          process.stderr.write("noise\n".repeat(10_000));
        },
        write: (path) => writeFileSync(path, existsSync(path) ? "again" : "once"),
      }),
    ]),
  () => process.exit(0),
);
