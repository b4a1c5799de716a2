import { lstatOrNothing } from '../../storage/fs/stat.ts';

/** The queue directory that something was left in, by what it is and not only by how it was called. */
export interface Whereabouts {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
}

export function whereabouts(path: string, found = lstatOrNothing(path)): Whereabouts | undefined {
  return found === undefined ? undefined : { path, dev: found.dev, ino: found.ino };
}

/** What is to be removed lay in a directory that is away: unmounted, moved, or closed. It may come back, and all in it. */
export class AwayError extends Error {
  readonly #home: Whereabouts;

  constructor(home: Whereabouts) {
    super(`${home.path} is away`);
    this.#home = home;
  }

  /** Or may be: mounted again, a drive can have another number. Then what was left there tells. */
  isBack(): boolean {
    const { path, dev } = this.#home;
    const found = lstatOrNothing(path);
    return found !== undefined && (found.dev !== dev || found.ino === this.#home.ino);
  }
}

/** For who finds nothing of its own at its path. @throws {AwayError} that proves nothing, for the directory is away. */
export function refuseAway(home: Whereabouts | undefined): void {
  if (home !== undefined && !isAt(home)) throw new AwayError(home);
}

/**
 * For who has removed something from its path. @throws {AwayError} another drive is mounted there now, such as a copy of the
 * one that it was left on. One that has a new number itself has the same directories.
 */
export function refuseOther(home: Whereabouts | undefined): void {
  const found = home && lstatOrNothing(home.path);
  if (found === undefined || found.dev === home?.dev || found.ino === home?.ino) return;
  throw new AwayError(home as Whereabouts);
}

function isAt({ path, dev, ino }: Whereabouts): boolean {
  const found = lstatOrNothing(path);
  return found?.dev === dev && found.ino === ino;
}
