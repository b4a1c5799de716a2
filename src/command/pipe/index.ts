import { noPipe } from './generic.ts';
import { openPipe as onLinux } from './linux.ts';
import type { OpenPipe } from './pipe.ts';

export type { Pipe } from './pipe.ts';
export const openPipe: OpenPipe = process.platform === 'linux' ? onLinux : noPipe;
