import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { loadSettings, type Settings } from "./cli/settings.ts";
import type { ChangeView, EventView, PlanView } from "./control/types.ts";
import { startPawl } from "./main.ts";
import { fsckStore, type FsckReport } from "./on-disk.ts";
import { commitOutOfBand, createSampleRepository, SAMPLE_FILES } from "./sample-repository.ts";

/** Ada owns the agent, Grace owns sign-in, Barbara keeps the shop secure, Linus maintains the rest. */
const DIRECTORY = {
  persons: [
    { id: "ada", name: "Ada", active: true, identities: [], roles: ["admin"] },
    { id: "grace", name: "Grace", active: true, identities: [], roles: [] },
    { id: "barbara", name: "Barbara", active: true, identities: [], roles: [] },
    { id: "linus", name: "Linus", active: true, identities: [], roles: [] },
  ],
  machines: [{ id: "agent:deployer", owner: "human:ada", actsFor: [], active: true }],
  groups: [
    { name: "admins", members: ["ada", "barbara"], handles: [] },
    { name: "identity", members: ["ada", "grace"], handles: ["@shop/identity"] },
    { name: "security", members: ["barbara"], handles: [] },
    { name: "maintainers", members: ["linus"], handles: ["@shop/maintainers"] },
  ],
};

type Actor = "agent" | "ada" | "grace" | "barbara" | "linus";

export interface DemoIo {
  tell(line: string): void;
  /** Emphasis for a terminal; identity where there is none. */
  strong(text: string): string;
}

/** A whole world in a temporary folder: real repository, real server, real ledger. Nothing of it remains. */
export async function runDemo(io: DemoIo): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "pawl-demo-"));
  try {
    const world = await openWorld(dir);
    const story = new Story(io, world);
    io.tell("Pawl in a minute: a shop's repository, an agent that works for Ada, and three of her colleagues.");
    await story.harmless();
    await story.signIn();
    await story.moved();
    await story.undone();
    await world.close();
    await story.tampered();
    io.tell("");
    io.tell("That was the whole way: proposed, planned, judged, signed, executed on the approved state, verified or undone, and provable.");
    io.tell("Now with your own repository: npm start");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface World {
  readonly settings: Settings;
  readonly url: string;
  readonly repository: string;
  readonly tokens: Readonly<Record<Actor, string>>;
  close(): Promise<void>;
}

async function openWorld(dir: string): Promise<World> {
  const repository = join(dir, "shop.git");
  await createSampleRepository(repository);
  await writeFile(join(dir, "directory.json"), JSON.stringify(DIRECTORY));
  const check = [process.execPath, "check.js"];
  const config = {
    data_dir: join(dir, "data"),
    listen: { port: 0 },
    repositories: [{ name: "shop", url: repository, environment: "production", verify: { argv: check, timeout_seconds: 20 } }],
    seeds: { directory: join(dir, "directory.json") },
  };
  await writeFile(join(dir, "pawl.yaml"), JSON.stringify(config));
  const loaded = loadSettings({ cwd: dir, env: {}, config: join(dir, "pawl.yaml") });
  if (!loaded.ok) throw new Error(`invariant broken: the demo's settings: ${JSON.stringify(loaded.error)}`);
  const { settings } = loaded.value;
  const problems: string[] = [];
  const started = await startPawl(settings, { log: (line) => problems.push(line) });
  if (!started.ok) throw new Error(`invariant broken: the demo's server did not start: ${started.error.message}`);
  const running = started.value;
  const admin = running.firstStart?.person.token;
  if (admin === undefined) throw new Error("invariant broken: a first start gives the first person a token");
  const token = async (principal: string): Promise<string> =>
    (await call<{ token: string }>(running.url, admin, "POST", "/v1/tokens", { principal, label: "demo" })).token;
  const tokens = {
    ada: admin,
    agent: await token("agent:deployer"),
    grace: await token("human:grace"),
    barbara: await token("human:barbara"),
    linus: await token("human:linus"),
  };
  return { settings, url: running.url, repository, tokens, close: () => running.close() };
}

class Refused extends Error {
  readonly reason: string;
  constructor(problem: { readonly detail?: string; readonly reason?: string }) {
    super(problem.detail ?? "refused");
    this.reason = problem.reason ?? "unknown";
  }
}

async function call<T>(url: string, token: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as T & { detail?: string; reason?: string };
  if (!response.ok) throw new Refused(answer);
  return answer;
}

const MAX_WAITS = 30;
const ENDS = ["verified", "failed", "undone", "indeterminate", "stale", "blocked", "sent_back", "rejected"];

class Story {
  readonly #io: DemoIo;
  readonly #world: World;
  #chapter = 0;

  constructor(io: DemoIo, world: World) {
    this.#io = io;
    this.#world = world;
  }

  #title(text: string): void {
    this.#chapter += 1;
    this.#io.tell("");
    this.#io.tell(this.#io.strong(`${this.#chapter}. ${text}`));
  }

  #say(what: string, text: string): void {
    this.#io.tell(`   ${what.padEnd(9)} ${text}`);
  }

  #get<T>(path: string): Promise<T> {
    return call<T>(this.#world.url, this.#world.tokens.agent, "GET", path);
  }

  async #propose(title: string, file: string, after: string, start = "when-authorised"): Promise<ChangeView> {
    this.#say("propose", `agent:deployer: "${title}"`);
    const patch = wholeFilePatch(file, SAMPLE_FILES[file] ?? "", after);
    const input = { repository: "shop", branch: "main", message: title, patch };
    const proposed = await call<ChangeView>(this.#world.url, this.#world.tokens.agent, "POST", "/v1/changes", {
      title,
      start,
      steps: [{ connector: "git", input }],
    });
    const planned = await this.#until(proposed, (c) => c.status !== "proposed" && c.status !== "planned");
    const view = await this.#get<PlanView>(`/v1/changes/${planned.id}/plan`);
    for (const effect of view.plan.steps.flatMap((s) => s.effects)) {
      this.#say(
        "plan",
        `${effect.kind} ${effect.resource}${effect.surfaces.length > 0 ? `, touches ${effect.surfaces.join(" and ")}` : ""}`,
      );
    }
    const rules = view.trace.filter((t) => t.fired && t.outcome === planned.outcome).map((t) => t.rule);
    this.#say("route", `${planned.outcome}, by rule ${rules.join(" and ")}`);
    return planned;
  }

  async #until(change: ChangeView, reached: (c: ChangeView) => boolean): Promise<ChangeView> {
    let now = change;
    for (let asked = 0; !reached(now); asked += 1) {
      if (asked > MAX_WAITS) throw new Error(`invariant broken: change ${now.id} is still ${now.status}: ${now.next}`);
      now = await this.#get<ChangeView>(`/v1/changes/${now.id}/wait?since=${now.version}&timeout=5`);
    }
    return now;
  }

  #end(change: ChangeView): Promise<ChangeView> {
    return this.#until(change, (c) => ENDS.includes(c.status));
  }

  async #approve(who: Actor, change: ChangeView): Promise<ChangeView | Refused> {
    const body = { decision: "approve", review_digest: change.review_digest };
    try {
      return await call<ChangeView>(this.#world.url, this.#world.tokens[who], "POST", `/v1/changes/${change.id}/votes`, body);
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
  }

  async #expectRefusal(who: "agent" | "ada", name: string, change: ChangeView, reason: string): Promise<void> {
    const answer = await this.#approve(who, change);
    if (!(answer instanceof Refused) || answer.reason !== reason) throw new Error(`invariant broken: ${name} could approve`);
    this.#say("refused", `${name}: ${answer.message} (${answer.reason})`);
  }

  async #sign(who: "grace" | "barbara" | "linus", name: string, change: ChangeView): Promise<ChangeView> {
    const answer = await this.#approve(who, change);
    if (answer instanceof Refused) throw new Error(`invariant broken: ${name} could not approve: ${answer.message}`);
    this.#say("signed", `${name} signs exactly ${short(change.review_digest)}`);
    return answer;
  }

  async harmless(): Promise<void> {
    this.#title("Harmless work goes through at once");
    const change = await this.#propose(
      "Explain refunds in the guide",
      "docs/guide.md",
      `${SAMPLE_FILES["docs/guide.md"] ?? ""}4. Changed your mind? You have 30 days.\n`,
    );
    const done = await this.#end(change);
    this.#expect(done, "verified");
    this.#say("done", "applied and verified; nobody had to look");
  }

  async signIn(): Promise<void> {
    this.#title("A change to sign-in waits for its owner and for security, and for nobody else");
    const after = (SAMPLE_FILES["src/auth/session.js"] ?? "").replace("3600", "1800");
    const change = await this.#propose("Sign people out after half an hour", "src/auth/session.js", after);
    for (const seat of change.seats ?? []) this.#say("seat", `${seat.id}: ${seat.who.join(" or ")}`);
    await this.#expectRefusal("agent", "the agent", change, "machine_credential");
    await this.#expectRefusal("ada", "Ada, for whom the agent works", change, "self_approval");
    await this.#sign("grace", "Grace", change);
    const signed = await this.#sign("barbara", "Barbara", change);
    this.#expect(await this.#end(signed), "verified");
    this.#say("done", "applied exactly as signed, and verified");
  }

  async moved(): Promise<void> {
    this.#title("An approval does not outlive what was approved");
    const change = await this.#propose("Round totals to cents", "src/cart.js", CART_ROUNDED, "on-request");
    const signed = await this.#sign("linus", "Linus", change);
    await commitOutOfBand(this.#world.repository, "hot fix past Pawl", { "src/cart.js": CART_HOT_FIX });
    this.#say("meanwhile", "somebody pushes to main past Pawl, then the change is started");
    await call(this.#world.url, this.#world.tokens.linus, "POST", `/v1/changes/${signed.id}/run`, {});
    const stale = await this.#end(signed);
    this.#expect(stale, "stale");
    this.#say("approved", `on state ${short(stale.drift?.expected)}`);
    this.#say("found", `the state to be ${short(stale.drift?.observed)}`);
    this.#say("refused", "nothing was written; the vote is void unless a new plan is identical");
  }

  async undone(): Promise<void> {
    this.#title("A change that turns out wrong is undone");
    const change = await this.#propose("Simplify the check", "check.js", 'console.error("no total any more");\nprocess.exit(1);\n');
    const signed = await this.#sign("linus", "Linus", change);
    const undone = await this.#end(signed);
    this.#expect(undone, "undone");
    const { events } = await this.#get<{ events: readonly EventView[] }>(`/v1/changes/${undone.id}/events`);
    this.#say("applied", "then the shop's own check failed on the result");
    this.#say(
      "undone",
      `by the planned revert: ${events
        .map((e) => e.type)
        .slice(-4)
        .join(" → ")}`,
    );
  }

  /** On the stopped database, as somebody with access to the disk could. */
  async tampered(): Promise<void> {
    this.#title("Nobody rewrites the ledger unseen");
    const sound = await this.#fsck();
    this.#say("checked", `${sound.size} entries recomputed from their bytes: ${sound.ok ? "all as signed" : "NOT as signed"}`);
    const database = new DatabaseSync(join(this.#world.settings.dataDir, "pawl.db"));
    const index = Math.floor(sound.size / 2);
    database.prepare("UPDATE entries SET bytes = CAST(replace(CAST(bytes AS TEXT), 'e', 'E') AS BLOB) WHERE idx = ?").run(index);
    database.close();
    this.#say("tampered", `one row is changed with plain SQL: entry ${index}`);
    const found = await this.#fsck();
    if (found.ok || found.firstBadIndex !== index) throw new Error(`invariant broken: the altered entry ${index} was not named`);
    this.#say("found", `pawl ledger fsck: first bad index ${found.firstBadIndex}`);
  }

  async #fsck(): Promise<FsckReport> {
    const report = await fsckStore(this.#world.settings);
    if (!report.ok) throw new Error(`invariant broken: the demo's database cannot be opened: ${report.error.message}`);
    return report.value;
  }

  #expect(change: ChangeView, status: ChangeView["status"]): void {
    if (change.status !== status)
      throw new Error(
        `invariant broken: the change is ${change.status}, not ${status}: ${change.because?.code ?? ""} ${change.because?.text ?? ""}`,
      );
  }
}

const CART_ROUNDED =
  "export function total(items) {\n  const sum = items.reduce((all, item) => all + item.price * item.count, 0);\n  return Math.round(sum * 100) / 100;\n}\n";
const CART_HOT_FIX =
  "export function total(items) {\n  return items.reduce((sum, item) => sum + item.price * Math.max(0, item.count), 0);\n}\n";

const short = (digest: string | undefined): string => `${digest?.slice(0, 19) ?? "?"}…`;

/** A patch that replaces a whole file: what an agent's edit of a small file looks like. */
function wholeFilePatch(file: string, before: string, after: string): string {
  const lines = (text: string): string[] => text.replace(/\n$/, "").split("\n");
  const [a, b] = [lines(before), lines(after)];
  return [
    `diff --git a/${file} b/${file}`,
    `--- a/${file}`,
    `+++ b/${file}`,
    `@@ -1,${a.length} +1,${b.length} @@`,
    ...a.map((l) => `-${l}`),
    ...b.map((l) => `+${l}`),
    "",
  ].join("\n");
}
