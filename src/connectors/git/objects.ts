import { createHash } from "node:crypto";
import { assert } from "../../core/base/index.ts";
import type { Digest } from "../../core/base/index.ts";
import { inTurn } from "./in-turn.ts";
import { startGit } from "./process.ts";
import type { GitProgram } from "./process.ts";

export interface ObjectInfo {
  readonly oid: string;
  readonly type: string;
  readonly size: number;
}

export interface ObjectContent extends ObjectInfo {
  readonly digest: Digest;
  /** The whole content, when it is not larger than asked for. */
  readonly bytes?: Buffer;
}

/** Reads any number of objects through one git process. Answers undefined for what is not there, or when the process ended. */
export interface ObjectReader {
  info(spec: string): Promise<ObjectInfo | undefined>;
  content(spec: string, keepBytes: number): Promise<ObjectContent | undefined>;
  /** Whether the process ended early: then "not there" may only mean "not read". */
  ended(): boolean;
  close(): Promise<void>;
}

/** Bytes of a stream, taken by line or by count. */
class Intake {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private held: Buffer = Buffer.alloc(0);
  ended = false;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  private async more(): Promise<boolean> {
    const next = await this.chunks.next().catch(() => undefined);
    if (next === undefined || next.done === true) {
      this.ended = true;
      return false;
    }
    this.held = this.held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.held, next.value]);
    return true;
  }

  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.held.indexOf(10);
      if (end >= 0) {
        const text = this.held.toString("utf8", 0, end);
        this.held = this.held.subarray(end + 1);
        return text;
      }
      if (!(await this.more())) return undefined;
    }
  }

  async take(count: number, each: (part: Buffer) => void): Promise<boolean> {
    let left = count;
    while (left > 0) {
      if (this.held.length === 0 && !(await this.more())) return false;
      const part = this.held.subarray(0, left);
      each(part);
      left -= part.length;
      this.held = this.held.subarray(part.length);
    }
    return true;
  }
}

export function openObjects(program: GitProgram, gitDir: string, env: Readonly<Record<string, string>>, signal: AbortSignal): ObjectReader {
  const child = startGit(program, { gitDir, args: ["cat-file", "--batch-command"], env, signal });
  const intake = new Intake(child.stdout);
  // A process that died closes its pipe; the reader then answers undefined, which callers take as "not there".
  child.stdin.on("error", () => {});
  const queued = inTurn();
  const ask = async (command: "info" | "contents", spec: string): Promise<ObjectInfo | undefined> => {
    assert(!/[\n\0]/.test(spec), "an object is asked for on one line");
    child.stdin.write(`${command} ${spec}\n`);
    const match = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec((await intake.line()) ?? "");
    return match === null ? undefined : { oid: match[1] ?? "", type: match[2] ?? "", size: Number(match[3]) };
  };
  const content = async (spec: string, keepBytes: number): Promise<ObjectContent | undefined> => {
    const info = await ask("contents", spec);
    if (info === undefined) return undefined;
    const hash = createHash("sha256");
    const kept: Buffer[] = [];
    const whole = await intake.take(info.size, (part) => {
      hash.update(part);
      if (info.size <= keepBytes) kept.push(part);
    });
    if (!whole || !(await intake.take(1, () => {}))) return undefined;
    const digest = `sha256:${hash.digest("hex")}` as Digest;
    return info.size <= keepBytes ? { ...info, digest, bytes: Buffer.concat(kept) } : { ...info, digest };
  };
  return {
    info: (spec) => queued(() => ask("info", spec)),
    content: (spec, keepBytes) => queued(() => content(spec, keepBytes)),
    ended: () => intake.ended,
    close: async () => {
      child.stdin.end();
      await child;
    },
  };
}
