import { expect, it } from 'vitest';
import { Cli } from './cli.ts';
import { Guarded } from './guarded.ts';

const RULES = 'operations:\n  act: { command: mirror *, uses: { mirror: exclusive }, policy: wait }\n';

it('run -q says nothing of its wait, and tells its error [X46]', async () => {
  const cli = new Cli();
  await cli.hold('x');
  const { code, stderr } = await cli.run(['run', '-q', '-w', '100ms', 'x', '--', 'true']);
  expect(code).toBe(124);
  expect(stderr).toMatch(/^holdfast: x is held by .*waited/);
});

it('guard --quiet says nothing of its wait, and tells its error [X46]', async () => {
  const cli = new Guarded(RULES);
  const holder = await cli.busy('mirror save');
  const { code, stderr } = await cli.guard('mirror load', '--quiet', '-w', '100ms');
  expect(code).toBe(124);
  expect(stderr).toMatch(/^holdfast: act was not started: mirror is held by .*waited/);
  await holder.finish();
});
