import { describe } from 'vitest';
import { mountedFuse } from '../../support/mounts.ts';
import { conformanceOn } from './choice.ts';

describe('on a FUSE file system that refuses locks [F1, H12, R51, R15]', () => {
  conformanceOn('fuse', mountedFuse('refused'), 'claim');
});
