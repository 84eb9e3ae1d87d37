/** How a chapter is told: each step is a call of the API, and each line says what came back. */
import type { ChangeView, PlanView } from "../control/types.ts";
import { call, Refused, type Actor, type World } from "./world.ts";

export interface DemoIo {
  tell(line: string): void;
  /** Emphasis for a terminal; identity where there is none. */
  strong(text: string): string;
}

const MAX_WAITS = 30;
const ENDS = ["verified", "failed", "undone", "indeterminate", "stale", "blocked", "sent_back", "rejected"];

/** A step as an agent proposes it. */
export interface Step {
  readonly connector: string;
  readonly input: unknown;
}

export class Story {
  readonly #io: DemoIo;
  readonly world: World;
  #chapter = 0;

  constructor(io: DemoIo, world: World) {
    this.#io = io;
    this.world = world;
  }

  title(text: string): void {
    this.#chapter += 1;
    this.#io.tell("");
    this.#io.tell(this.#io.strong(`${this.#chapter}. ${text}`));
  }

  say(what: string, text: string): void {
    this.#io.tell(`   ${what.padEnd(9)} ${text}`);
  }

  get<T>(path: string): Promise<T> {
    return call<T>(this.world.url, this.world.tokens.agent, "GET", path);
  }

  async propose(title: string, steps: readonly Step[], start = "when-authorised"): Promise<ChangeView> {
    this.say("propose", `agent:deployer: "${title}"`);
    const proposed = await call<ChangeView>(this.world.url, this.world.tokens.agent, "POST", "/v1/changes", { title, start, steps });
    const planned = await this.until(proposed, (c) => c.status !== "proposed" && c.status !== "planned");
    const view = await this.get<PlanView>(`/v1/changes/${planned.id}/plan`);
    for (const { kind, resource, resourceKind, surfaces, summary } of view.plan.steps.flatMap((s) => s.effects)) {
      const touched = surfaces.length > 0 ? `, touches ${surfaces.join(" and ")}` : "";
      this.say("plan", `${kind} ${resource}${resourceKind === "git.file" ? "" : `: ${summary}`}${touched}`);
    }
    const rules = view.trace.filter((t) => t.fired && t.outcome === planned.outcome).map((t) => t.rule);
    this.say("route", `${planned.outcome}, by rule ${rules.join(" and ")}`);
    return planned;
  }

  /** Started by hand, after something happened past Pawl. */
  async start(who: Actor, change: ChangeView): Promise<ChangeView> {
    await call(this.world.url, this.world.tokens[who], "POST", `/v1/changes/${change.id}/run`, {});
    return this.end(change);
  }

  async until(change: ChangeView, reached: (c: ChangeView) => boolean): Promise<ChangeView> {
    let now = change;
    for (let asked = 0; !reached(now); asked += 1) {
      if (asked > MAX_WAITS) throw new Error(`invariant broken: change ${now.id} is still ${now.status}: ${now.next}`);
      now = await this.get<ChangeView>(`/v1/changes/${now.id}/wait?since=${now.version}&timeout=5`);
    }
    return now;
  }

  end(change: ChangeView): Promise<ChangeView> {
    return this.until(change, (c) => ENDS.includes(c.status));
  }

  async approve(who: Actor, change: ChangeView): Promise<ChangeView | Refused> {
    const body = { decision: "approve", review_digest: change.review_digest };
    try {
      return await call<ChangeView>(this.world.url, this.world.tokens[who], "POST", `/v1/changes/${change.id}/votes`, body);
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
  }

  async expectRefusal(who: "agent" | "ada", name: string, change: ChangeView, reason: string): Promise<void> {
    const answer = await this.approve(who, change);
    if (!(answer instanceof Refused) || answer.reason !== reason) throw new Error(`invariant broken: ${name} could approve`);
    this.say("refused", `${name}: ${answer.message} (${answer.reason})`);
  }

  async sign(who: "grace" | "barbara" | "linus", name: string, change: ChangeView): Promise<ChangeView> {
    const answer = await this.approve(who, change);
    if (answer instanceof Refused) throw new Error(`invariant broken: ${name} could not approve: ${answer.message}`);
    this.say("signed", `${name} signs exactly ${short(change.review_digest)}`);
    return answer;
  }

  expect(change: ChangeView, status: ChangeView["status"]): void {
    if (change.status !== status)
      throw new Error(
        `invariant broken: the change is ${change.status}, not ${status}: ${change.because?.code ?? ""} ${change.because?.text ?? ""}`,
      );
  }
}

export const short = (digest: string | undefined): string => `${digest?.slice(0, 19) ?? "?"}…`;
