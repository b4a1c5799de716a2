import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { acquireFor, termsOf } from '../../src/cli/guard/acquire.ts';
import type { GuardOptions } from '../../src/cli/guard/options.ts';
import { type Decision, decide } from '../../src/rules/decide.ts';
import { loadRules } from '../../src/rules/load.ts';
import { writeRules } from '../rules/text.ts';
import { locksIn, newHome } from '../support/place.ts';

const words = ['mirror', 'save'];

/** What the rules in this file say of `mirror save`. */
async function decisionOf(rules: string): Promise<Decision> {
  return decide(await loadRules([rules]), { words, file: () => words[0] }) as Decision;
}

describe('how long a guarded command waits', () => {
  it.each([
    ['the command line before the rule', { timeout: 1 }, '2ms', 1],
    ['the rule before the environment', {}, '2ms', 2],
    ['the environment where the rule says nothing', {}, undefined, 3],
  ] as const)('is said by %s [A8]', async (_what, options: GuardOptions, ofRule, timeout) => {
    vi.stubEnv('HOLDFAST_TIMEOUT', '3ms');
    onTestFinished(() => void vi.unstubAllEnvs());
    const limit = ofRule === undefined ? '' : `, timeout: ${ofRule}`;
    const rules = `operations: { save: { command: mirror save, uses: m, policy: wait${limit} } }`;

    const decision = await decisionOf(writeRules({ 'holdfast.yaml': rules }));

    expect(termsOf(decision, options)).toEqual({ policy: 'wait', timeout });
  });
});

describe('two resources that are one file', () => {
  it.each([
    ['fail', '{ a: exclusive, b: shared }', 'exclusive'],
    ['fail', '{ a: shared, b: exclusive }', 'exclusive'],
    ['warn', '{ a: exclusive, b: shared }', 'exclusive'],
    ['warn', '{ a: shared, b: exclusive }', 'exclusive'],
    ['warn', '{ a: shared, b: shared }', 'shared'],
  ])(
    'are locked once, in the stronger mode, under the policy %s: %s [A2, A8, X59]',
    async (policy, uses, mode) => {
      const home = newHome();
      vi.stubEnv('HOLDFAST_AUDIT', 'off'); // a command keeps its log open until it ends
      onTestFinished(() => void vi.unstubAllEnvs());
      const rules = writeRules({
        'holdfast.yaml': `
resources: { a: { file: data }, b: { file: ./data } }
operations: { save: { command: mirror save, uses: ${uses}, policy: ${policy} } }
`,
      });
      const file = join(rules, '../data');
      writeFileSync(file, '');
      const { signal } = new AbortController();

      const locks = await acquireFor(await decisionOf(rules), words, {}, signal);
      onTestFinished(async () => {
        for (const lock of locks) await lock.release();
      });

      expect(locks).toHaveLength(1);
      expect(locksIn(home).inspect({ file }).state).toBe(mode);
    },
  );
});
