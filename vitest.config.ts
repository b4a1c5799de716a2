import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { sortTests } from './test/setup/purity.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
const { pure, others } = sortTests(root);

export default defineConfig({
  resolve: {
    // What tests call is the source as it stands; child programs import the built package.
    alias: [
      { find: /^holdfast$/, replacement: `${root}src/index.ts` },
      { find: /^holdfast\/(\w+)$/, replacement: `${root}src/$1/index.ts` },
    ],
  },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // Each step waits for an event, with a deadline of its own; this ends what hangs all the same.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: 0,
    sequence: { setupFiles: 'list' },
    reporters: ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          isolate: false,
          include: pure,
          setupFiles: ['test/setup/time.ts', 'test/setup/no-processes.ts', 'test/setup/give-back.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: others,
          globalSetup: 'test/setup/fresh-dist.ts',
          setupFiles: ['test/setup/time.ts'],
        },
      },
    ],
  },
});
