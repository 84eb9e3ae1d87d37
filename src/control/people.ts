import { resolvePerson, type Directory, type Person } from "../core/review/index.ts";

/** The person behind a principal that is a human. */
export function personOf(directory: Directory, principal: string): Person | undefined {
  return principal.startsWith("human:") ? resolvePerson(directory, principal) : undefined;
}

export function isActive(directory: Directory, principal: string): boolean {
  return personOf(directory, principal)?.active ?? directory.machines.some((m) => m.id === principal && m.active);
}

/** A person's name; a machine has no other name than its id. */
export function nameOf(directory: Directory, principal: string): string {
  return personOf(directory, principal)?.name ?? principal;
}
