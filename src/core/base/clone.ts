type Clone = <T extends object>(value: T) => T;

/**
 * The engine remembers for each place in the code which few forms of objects were cloned there, and clones those several times as
 * fast as others. So there are several places that do the same.
 */
const CLONES: readonly Clone[] = [
  (value) => ({ ...value }),
  (value) => ({ ...value }),
  (value) => ({ ...value }),
  (value) => ({ ...value }),
  (value) => ({ ...value }),
  (value) => ({ ...value }),
  (value) => ({ ...value }),
  (value) => ({ ...value }),
];
let given = 0;

/** A function that copies the own members of objects, for one form of them. */
export const cloner = (): Clone => CLONES[given++ % CLONES.length] as Clone;
