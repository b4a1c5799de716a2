import { generic } from './generic.ts';
import type { Limits } from './limits.ts';
import { linux } from './linux.ts';

export const limits: Limits = process.platform === 'linux' ? linux : generic;
