import { describe } from 'vitest';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { conformance } from '../conformance.ts';

const module = new URL('../../../dist/engine/kernel/kernel.js', import.meta.url);

describe('the lock of the system, of Windows or of Unix [R59]', () => {
  conformance('kernel', () => ({
    engine: kernelEngine,
    contract: 'kernel',
    elsewhere: { module, name: 'kernelEngine' },
  }));
});
