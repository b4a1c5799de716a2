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

function isAt({ path, dev, ino }: Whereabouts): boolean {
  const found = lstatOrNothing(path);
  return found?.dev === dev && found.ino === ino;
}
