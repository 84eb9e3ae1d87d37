import { fail, ok } from "../base/index.ts";
import type { PersonId, PrincipalId, Refusal, Result } from "../base/index.ts";
import type { Seat } from "../policy/index.ts";
import { indexOf } from "./people.ts";
import type { Directory, Machine, Parties } from "./types.ts";

/** Longer chains of agents that own agents are refused: nobody could say who answers for them. */
export const MAX_OWNER_CHAIN = 8;

/**
 * The persons behind a change: proposer, on-behalf-of, owner and editors, through every chain of owners. Their votes on it
 * never count. A party that leads to no person bars everybody, since nobody can say whom it should bar.
 */
export function personsBarred(parties: Parties, directory: Directory): Result<ReadonlySet<PersonId>, Refusal<"party_untraceable">> {
  const barred = new Set<PersonId>();
  const owners = (machine: Machine): readonly PrincipalId[] => [machine.owner];
  // A machine on whose behalf another acts has principals of its own; which of them was meant, nobody can say.
  const principals = (machine: Machine): readonly PrincipalId[] => [machine.owner, ...machine.actsFor];
  for (const party of [parties.proposer, parties.owner, ...parties.editors]) {
    if (!collect(party, directory, owners, barred)) return untraceable(party);
  }
  if (!collect(parties.onBehalfOf, directory, principals, barred)) return untraceable(parties.onBehalfOf);
  return ok(barred);
}

/** A seat of the emergency route may be open to the change's own maker; never where a machine had part in it, so that none has its owner let it through. */
export function sitsAlone(seat: Pick<Seat, "glass">, { proposer, onBehalfOf, owner, editors }: Parties): boolean {
  return seat.glass?.alone === true && [proposer, onBehalfOf, owner, ...editors].every((party) => party.startsWith("human:"));
}

function untraceable(party: PrincipalId): { readonly ok: false; readonly error: Refusal<"party_untraceable"> } {
  return fail({
    code: "party_untraceable",
    message: `${party} leads to no person, so nobody can say whose votes must not count`,
    where: party,
    remedy: "restore it in the directory with an owner chain that ends in a person, or propose the change again",
  });
}

/** Adds every person reachable from `from`; false when any way from it ends in a cycle, in nothing, or after too long. */
function collect(
  from: PrincipalId,
  directory: Directory,
  next: (machine: Machine) => readonly PrincipalId[],
  into: Set<PersonId>,
): boolean {
  const { machines } = indexOf(directory);
  const walk = (principal: PrincipalId, path: readonly PrincipalId[]): boolean => {
    if (principal.startsWith("human:")) {
      // A person who has left the directory stays barred: the id is never given to anybody else.
      into.add(principal.slice("human:".length) as PersonId);
      return true;
    }
    const machine = machines.get(principal);
    if (machine === undefined || path.includes(principal) || path.length >= MAX_OWNER_CHAIN) return false;
    return next(machine).every((each) => walk(each, [...path, principal]));
  };
  return walk(from, []);
}

/** True when the principal itself is one of the change's makers: who may withdraw, revise or replace it. */
export const isParty = (parties: Parties, principal: PrincipalId): boolean =>
  principal === parties.proposer || principal === parties.onBehalfOf || principal === parties.owner;

/** Who answers for a principal in the end: a person for themselves, the end of its owner chain for a machine. */
export function ownerOf(directory: Directory, principal: PrincipalId): PrincipalId {
  const { machines } = indexOf(directory);
  let owner = principal;
  for (let length = 0; length <= MAX_OWNER_CHAIN; length++) {
    const machine = machines.get(owner);
    if (machine === undefined) return owner;
    owner = machine.owner;
  }
  return principal;
}

/** A person acts for themselves only; a machine for its owners and for those the directory names. */
export function mayActFor(directory: Directory, principal: PrincipalId, onBehalfOf: PrincipalId): boolean {
  if (principal.startsWith("human:")) return principal === onBehalfOf;
  const machine = indexOf(directory).machines.get(principal);
  if (machine === undefined || !machine.active) return false;
  return machine.owner === onBehalfOf || machine.actsFor.includes(onBehalfOf) || ownerOf(directory, principal) === onBehalfOf;
}
