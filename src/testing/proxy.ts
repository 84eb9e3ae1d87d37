/**
 * A TCP proxy for tests, between a process and the server it depends on, with the faults of a network: it can go silent for good
 * or for a while, hang up, and be slow. It does not push back on whoever sends too much.
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /**
   * From now on nothing passes, either way, and nobody is told. What was sent is lost, so that the connections of that time are
   * dead, and end with a reset once the proxy heals.
   */
  cut(): void;
  /** Nothing passes either, but all of it arrives, in order, once the proxy heals: late, and perhaps after its sender is gone. */
  hold(): void;
  /** What the process sends arrives; what it is answered is lost. The connections of that time end with a reset once the proxy heals. */
  deafen(): void;
  /** Ends all connections with a reset and refuses new ones. */
  reset(): void;
  /** Each piece of data waits so long before it passes. */
  delay(millis: number): void;
  /** Passes again, at once. */
  heal(): void;
  /** Connections of the process that are open at the moment. */
  connections(): number;
  close(): Promise<void>;
}

/** On a free port of this machine, towards `host:port`. */
export async function startProxy(target: Target): Promise<Proxy> {
  leaveWithoutWaiting();
  const wire = new Wire(target);
  const server = createServer({ allowHalfOpen: true }, (near) => wire.accept(near));
  await new Promise<void>((done, failed) => void server.once("error", failed).listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => wire.turn("cut"),
    hold: () => wire.turn("held"),
    deafen: () => wire.turn("deaf"),
    reset: () => wire.turn("reset"),
    delay: (millis) => wire.slow(millis),
    heal: () => wire.turn("open"),
    connections: () => wire.connections(),
    close: () => {
      wire.turn("reset");
      return new Promise<void>((done) => void server.close(() => done()));
    },
  };
}

interface Target {
  readonly host: string;
  readonly port: number;
}

interface Link {
  readonly near: Socket;
  readonly far: Socket;
  /** Something of it was lost: nothing may follow. */
  dead: boolean;
  /** Something that the far side said was lost: nothing may follow it. */
  deaf: boolean;
}

type Mode = "open" | "cut" | "held" | "deaf" | "reset";

class Wire {
  readonly #links = new Set<Link>();
  readonly #target: Target;
  #mode: Mode = "open";
  #gate = Promise.withResolvers<void>();
  #delay = 0;

  constructor(target: Target) {
    this.#target = target;
    this.#gate.resolve();
  }

  accept(near: Socket): void {
    near.on("error", ignore);
    if (this.#mode === "reset") return void near.resetAndDestroy();
    const far = connect({ ...this.#target, allowHalfOpen: true });
    const link: Link = { near, far, dead: this.#mode === "cut", deaf: this.#mode === "deaf" };
    this.#links.add(link);
    const outwards = this.#pass(link, near, far);
    this.#pass(link, far, near);
    far.on("error", () => near.resetAndDestroy());
    near.once("close", () => outwards(() => far.destroy()));
    // A side that was told nothing of the other's end is still to be ended.
    for (const side of [near, far]) side.once("close", () => near.destroyed && far.destroyed && this.#links.delete(link));
  }

  turn(mode: Mode): void {
    this.#mode = mode;
    if (mode === "held") this.#gate = Promise.withResolvers();
    else this.#gate.resolve();
    for (const link of this.#links) {
      if (mode === "cut") link.dead = true;
      else if (mode === "deaf") link.deaf = true;
      else if (mode === "reset" || (mode === "open" && (link.dead || link.deaf))) end(link);
    }
  }

  slow(millis: number): void {
    this.#delay = millis;
  }

  connections(): number {
    return [...this.#links].filter(({ near }) => !near.destroyed).length;
  }

  /** In order, whatever the delay and the mode become meanwhile: each piece waits for the one before it. */
  #pass(link: Link, from: Socket, to: Socket): (act: () => void) => void {
    let last: Promise<void> = Promise.resolve();
    const inTurn = (act: () => void): void => {
      const due = this.#delay === 0 ? undefined : waited(this.#delay);
      last = last
        .then(() => due)
        .then(() => this.#gate.promise)
        .then(() => (link.dead || to.destroyed || (link.deaf && to === link.near) ? undefined : act()));
    };
    from.on("data", (bytes) => inTurn(() => void to.write(bytes)));
    from.on("end", () => inTurn(() => void to.end()));
    return inTurn;
  }
}

const ignore = (): void => {};
const waited = (millis: number): Promise<void> => new Promise((done) => void setTimeout(done, millis));

function end({ near, far }: Link): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}

let leaving = false;

/** A connection that breaks while it is being reset is never closed by Node, which would wait for it when it ends, for ever. */
function leaveWithoutWaiting(): void {
  if (leaving) return;
  leaving = true;
  process.on("exit", () => process.exit());
}
