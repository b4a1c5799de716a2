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
export class AwayError extends Error {}

/** For who finds nothing of its own at its path. @throws {AwayError} that proves nothing, for the directory is away. */
export function refuseAway(known: Whereabouts | undefined): void {
  if (known === undefined) return;
  const found = lstatOrNothing(known.path);
  if (found?.dev !== known.dev || found.ino !== known.ino) throw new AwayError(`${known.path} is away`);
}
