/** Messages between a runner and the process that works a connector: a length, then JSON; bounded, and read strictly. */
import type { Readable, Writable } from "node:stream";
import { parseJson, type Json } from "../core/base/index.ts";

const MAX_FRAME = 128 * 1024 * 1024;
const HEAD = 4;

export function sendFrame(stream: Writable, message: unknown): void {
  const body = Buffer.from(JSON.stringify(message), "utf8");
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(body.length);
  stream.write(head);
  stream.write(body);
}

/** Calls back with each message; what is no message is told once, and nothing after it is read. */
export function readFrames(stream: Readable, onMessage: (message: Json) => void, onFault: (why: string) => void): void {
  let chunks: Buffer[] = [];
  let size = 0;
  /** The length of the message that is coming, once it is known. */
  let coming: number | undefined;
  const take = (bytes: number): Buffer => {
    const whole = chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks);
    chunks = [whole.subarray(bytes)];
    size -= bytes;
    return whole.subarray(0, bytes);
  };
  const stop = (why: string): void => {
    stream.off("data", read);
    stream.resume();
    onFault(why);
  };
  /** One message, where a whole one is there. */
  const next = (): boolean => {
    if (coming === undefined && size >= HEAD) coming = take(HEAD).readUInt32BE(0);
    if (coming === undefined) return false;
    if (coming > MAX_FRAME) {
      stop(`a message of ${coming} bytes`);
      return false;
    }
    if (size < coming) return false;
    const message = parseJson(take(coming), { bytes: MAX_FRAME, stringLength: MAX_FRAME });
    coming = undefined;
    if (message.ok) onMessage(message.value);
    else stop(message.error.message);
    return message.ok;
  };
  const read = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    while (next()) continue;
  };
  stream.on("data", read);
}
