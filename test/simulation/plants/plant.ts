/** A planted bug is data: an edit of a production source file, made while the file is loaded and nowhere else. */

export interface Edit {
  /** From the project's root. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface Plant {
  readonly name: string;
  /** One line for people. */
  readonly what: string;
  /** The invariants that may be the first to notice. */
  readonly breaks: readonly number[];
  /** Several where one guard covers for another: then all of them are gone. */
  readonly edits: readonly Edit[];
}

export const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

export const filesOf = (plant: Plant): readonly string[] => [...new Set(plant.edits.map(({ file }) => file))];

/** The file's source with the plant's edits in it. A plant that does not fit the source any more is refused. */
export function planted(plant: Plant, file: string, source: string): string {
  const edits = plant.edits.filter((each) => each.file === file);
  return edits.reduce((text, { find, replace }) => {
    const times = source.split(find).length - 1;
    if (times !== 1) throw new Error(`the plant ${plant.name} does not fit ${file} any more: it holds ${times} times: ${find}`);
    return text.replace(find, () => replace);
  }, source);
}
