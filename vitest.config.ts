import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/setup/fresh-dist.ts',
    pool: 'forks',
    maxWorkers: 2,
    // Tests wait for events; the limit only ends one that hangs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    reporters: ['default'],
  },
});
