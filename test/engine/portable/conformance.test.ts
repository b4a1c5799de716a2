import { describe } from 'vitest';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { conformance } from '../conformance.ts';

const module = new URL('../../fixtures/portable-engines.mjs', import.meta.url);

describe('the fallback [R15, R59]', () => {
  conformance('portable (lock file)', () => ({
    engine: portableEngine({ layout: 'file' }),
    contract: 'claim',
    elsewhere: { module, name: 'fileEngine' },
  }));

  conformance('portable (lock directory)', () => ({
    engine: portableEngine({ layout: 'directory' }),
    contract: 'claim',
    elsewhere: { module, name: 'directoryEngine' },
  }));
});
