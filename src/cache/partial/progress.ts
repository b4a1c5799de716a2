import { lstatOrNothing } from '../../storage/fs/stat.ts';
import { strongValidator } from '../download/validators.ts';
import { dataFile } from './data-file.ts';
import { readState } from './state.ts';

/** How far an unfinished content is. */
export interface PartialInfo {
  /** Bytes. */
  readonly done: number;
  readonly total?: number;
  /** Whether its source said which version it is of, so that a later download can go on where it ends. */
  readonly hasVersion: boolean;
}

/** For who looks at it from outside; undefined where there is none. */
export function readProgress(directory: string): PartialInfo | undefined {
  const data = lstatOrNothing(dataFile(directory));
  if (data?.isFile() !== true) return undefined;
  const state = readState(directory);
  return {
    done: data.size,
    ...(state?.total === undefined ? {} : { total: state.total }),
    hasVersion: strongValidator(state?.validators ?? {}) !== undefined,
  };
}
