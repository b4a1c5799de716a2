import { describe, expect, it } from 'vitest';
import { loadRules } from '../../src/rules/load.ts';
import { makeFifo } from '../support/tool.ts';
import { errorOf, writeRules } from './text.ts';

describe('files that cannot be read', () => {
  it('hold nobody up: a directory or a FIFO in the place of the file [H18]', async () => {
    const path = writeRules({ 'holdfast.yaml': '' });
    makeFifo(`${path}.fifo`);
    expect(await errorOf(loadRules([`${path}.fifo`]))).toMatchObject({ problem: 'is not a file' });
    expect(await errorOf(loadRules([path.replace(/\/[^/]*$/, '')]))).toMatchObject({
      problem: 'is not a file',
    });
  });
});
