import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { followLog } from '../../src/cli/log/follow.ts';
import { pretty } from '../../src/cli/log/pretty.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

describe('the audit log', () => {
  it('is followed from the first line of a new file, when the old one was full and put aside [R82]', async () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    writeFileSync(path, 'shown before\n');
    const lines: string[] = [];
    let isRead = true;
    const followed = followLog(path, 'shown before\n'.length, (line) => {
      lines.push(line);
      return isRead;
    });
    onTestFinished(async () => {
      isRead = false;
      appendFileSync(path, 'nobody listens\n');
      await followed;
    });
    appendFileSync(path, 'grown\n');
    await until(() => lines.includes('grown'), 'the new line is shown');

    renameSync(path, `${path}.2020`);
    writeFileSync(`${path}.new`, 'the first line of the next file\nand its last\n');
    renameSync(`${path}.new`, path);
    await until(() => lines.includes('and its last'), 'the new file is shown');

    expect(lines).toEqual(['grown', 'the first line of the next file', 'and its last']);
  });

  it.each([
    '\u001b[2J',
    '{"at": \u001b[2J',
    '{"event":"granted","resource":"\\u001b[2J","purpose":"\\u009b2J"}',
    '7\u009b2J',
  ])('moves no cursor, whatever stands in it: %j [R66]', (line) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters in question
    expect(pretty(line)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});
