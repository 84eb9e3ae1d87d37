import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { startProxy, type Proxy } from "../../src/testing/proxy.ts";

interface Line {
  readonly proxy: Proxy;
  readonly near: Socket;
  /** What the server has of this connection so far. */
  readonly heard: () => string;
  readonly far: () => Promise<Socket>;
}

interface Ending {
  after(fn: () => Promise<void> | void): void;
}

async function lineTo(t: Ending): Promise<Line> {
  const arrived = Promise.withResolvers<Socket>();
  let heard = "";
  const server = createServer((socket) => {
    socket.on("error", () => {}).on("data", (bytes) => void (heard += bytes.toString()));
    arrived.resolve(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startProxy({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  const near = connect(proxy.port, "127.0.0.1").on("error", () => {});
  t.after(async () => {
    near.destroy();
    await proxy.close();
    server.close();
  });
  return { proxy, near, heard: () => heard, far: () => arrived.promise };
}

const next = async (socket: Socket): Promise<string> => String((await once(socket, "data"))[0]);
const closed = (socket: Socket): Promise<void> =>
  new Promise((done) => void (socket.destroyed ? done() : socket.once("close", () => done())));

/** Time enough for whatever would pass: others come and go on the same machine meanwhile. */
async function meanwhile({ proxy }: Line): Promise<void> {
  for (let n = 0; n < 5; n += 1) {
    const other = connect(proxy.port, "127.0.0.1");
    await once(other, "connect");
    other.destroy();
    await closed(other);
  }
}

test("[I70] the proxy passes both ways, in order, also when it is slow", async (t) => {
  const line = await lineTo(t);
  line.near.write("one ");
  const far = await line.far();
  assert.equal(await next(far), "one ");
  line.proxy.delay(5);
  line.near.write("two ");
  line.proxy.delay(0);
  line.near.write("three");
  while (line.heard() !== "one two three") await next(far);
  far.write("back");
  assert.equal(await next(line.near), "back");
  assert.equal(line.proxy.connections(), 1);
});

test("[I70] what is cut is lost, nobody is told, and after healing it ends with a reset", async (t) => {
  const line = await lineTo(t);
  line.near.write("one");
  const far = await line.far();
  await next(far);
  const ended = once(line.near, "error");
  line.proxy.cut();
  line.near.write("two");
  far.write("two");
  await meanwhile(line);
  assert.deepEqual([line.heard(), line.near.destroyed, far.destroyed], ["one", false, false]);
  line.proxy.heal();
  assert.equal(((await ended)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
  await closed(far);
  assert.equal(line.heard(), "one");
});

test("[I70] what is held arrives once it heals, even when its sender is gone", async (t) => {
  const line = await lineTo(t);
  line.near.write("one ");
  const far = await line.far();
  await next(far);
  line.proxy.hold();
  line.near.write("two");
  await meanwhile(line);
  line.near.destroy();
  await closed(line.near);
  assert.equal(line.heard(), "one ");
  line.proxy.heal();
  await closed(far);
  assert.equal(line.heard(), "one two");
});

test("[I70] a reset ends all connections on both sides and refuses new ones until it heals", async (t) => {
  const line = await lineTo(t);
  line.near.write("one");
  const far = await line.far();
  await next(far);
  line.proxy.reset();
  await Promise.all([closed(line.near), closed(far)]);
  const refused = connect(line.proxy.port, "127.0.0.1").on("error", () => {});
  await closed(refused);
  assert.equal(line.proxy.connections(), 0);
  line.proxy.heal();
  const again = connect(line.proxy.port, "127.0.0.1");
  await once(again, "connect");
  again.destroy();
});

test("[I70] of a process that is deaf all arrives, what it is answered is lost, and after healing it ends with a reset", async (t) => {
  const line = await lineTo(t);
  line.near.write("one ");
  const far = await line.far();
  await next(far);
  let answered = "";
  line.near.on("data", (bytes) => void (answered += bytes.toString()));
  line.proxy.deafen();
  far.write("back");
  line.near.write("two");
  while (line.heard() !== "one two") await next(far);
  assert.deepEqual([answered, line.near.destroyed], ["", false]);
  line.proxy.heal();
  await Promise.all([closed(line.near), closed(far)]);
  assert.equal(answered, "");
});

test("[I70] a process that was not told that the other end is gone is told when the proxy closes", async (t) => {
  const line = await lineTo(t);
  line.near.write("one");
  const far = await line.far();
  await next(far);
  line.proxy.cut();
  far.destroy();
  await closed(far);
  await meanwhile(line);
  assert.equal(line.near.destroyed, false);
  await line.proxy.close();
  await closed(line.near);
});
