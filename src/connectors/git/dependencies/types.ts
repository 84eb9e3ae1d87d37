/** One package as a file pins or asks for it. `source` is set when it comes from elsewhere than a registry that was in use before. */
export interface Dependency {
  readonly version: string;
  readonly source?: string;
  /** The registry that a lockfile names. */
  readonly host?: string;
  readonly integrity?: string;
  /** Runs a program of its own when it is installed. */
  readonly runsOnInstall?: boolean;
}

export interface Manifest {
  /** By name; a lockfile's names may hold a path (`a > b`). */
  readonly packages: ReadonlyMap<string, Dependency>;
  /** Programs that the file itself has run on installation, by name. */
  readonly installScripts: ReadonlyMap<string, string>;
}
