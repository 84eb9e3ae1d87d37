/** Stands in for `node:test` in a mutation run: it only collects, so that one load of the tests serves thousands of runs. */

export interface Case {
  readonly id: string;
  readonly file: string;
  readonly run: () => unknown;
}

type Body = (context: { readonly name: string; diagnostic(): void }) => unknown;
interface Options {
  readonly skip?: boolean | string;
}

let file = "";
let suites: string[] = [];
let cases: Case[] = [];

/** The cases that loading this file registers. */
export async function collect(name: string, load: () => Promise<unknown>): Promise<Case[]> {
  file = name;
  suites = [];
  cases = [];
  await load();
  return cases;
}

function bodyOf(rest: readonly unknown[]): Body | undefined {
  const options = rest.find((part): part is Options => typeof part === "object" && part !== null);
  return options?.skip ? undefined : rest.find((part): part is Body => typeof part === "function");
}

export function test(name: string, ...rest: readonly unknown[]): void {
  const body = bodyOf(rest);
  if (body === undefined) return;
  const path = [...suites, name].join(" > ");
  const twins = cases.filter(({ id }) => id.startsWith(`${file}: ${path}`)).length;
  cases.push({ id: `${file}: ${path}${twins > 0 ? ` #${twins}` : ""}`, file, run: () => body({ name, diagnostic: () => undefined }) });
}

export function describe(name: string, ...rest: readonly unknown[]): void {
  const body = bodyOf(rest);
  if (body === undefined) return;
  suites.push(name);
  body({ name, diagnostic: () => undefined });
  suites.pop();
}

// oxlint-disable-next-line import/no-default-export -- node:test has one
export default test;
