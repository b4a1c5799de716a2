import { appendFileSync, mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { followLog } from '../../src/cli/log/follow.ts';
import { pretty } from '../../src/cli/log/pretty.ts';
import { LogReader } from '../../src/cli/log/reader.ts';
import { tempDirectory } from '../support/temp.ts';
import { until } from '../support/until.ts';

/** The name under which a log was put aside in that year. */
function aside(path: string, year: number): string {
  return `${path}.${year}-01-01T000000000Z-4711`;
}

/** The new lines of a log, as they are shown, until the test is over. */
function follow(path: string): string[] {
  const lines: string[] = [];
  let isRead = true;
  const reader = new LogReader(path);
  reader.last(0);
  const followed = followLog(path, reader, (line) => {
    lines.push(line);
    return isRead;
  });
  onTestFinished(async () => {
    isRead = false;
    appendFileSync(path, 'nobody listens\n');
    await followed;
  });
  return lines;
}

describe('the audit log', () => {
  it('is followed from the first line of a new file, when the old one was full and put aside [R82]', async () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    writeFileSync(path, 'shown before\n');
    const lines = follow(path);
    appendFileSync(path, 'grown\n');
    await until(() => lines.includes('grown'), 'the new line is shown');

    renameSync(path, aside(path, 2020));
    writeFileSync(`${path}.new`, 'the first line of the next file\nand its last\n');
    renameSync(`${path}.new`, path);
    await until(() => lines.includes('and its last'), 'the new file is shown');

    expect(lines).toEqual(['grown', 'the first line of the next file', 'and its last']);
  });

  it('is followed to the last line of each file that is put aside, however fast one follows the other [X20]', async () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    writeFileSync(aside(path, 2019), 'too old\n');
    writeFileSync(path, 'shown before\n');
    const lines = follow(path);

    // All in one turn, so that nobody looks in between.
    appendFileSync(path, 'the newest line of the first\n');
    renameSync(path, aside(path, 2020));
    writeFileSync(aside(path, 2021), ''); // a name that is reserved
    writeFileSync(path, 'all of the second\n');
    renameSync(path, aside(path, 2021));
    writeFileSync(path, 'the third\n');
    await until(() => lines.includes('the third'), 'the third file is shown');
    renameSync(path, aside(path, 2022));
    appendFileSync(aside(path, 2022), 'late, by a process that had it open\n');
    await until(() => lines.includes('late, by a process that had it open'), 'the late line is shown');

    expect(lines).toEqual([
      'the newest line of the first',
      'all of the second',
      'the third',
      'late, by a process that had it open',
    ]);
  });

  it('is only what it put aside itself: no backup beside it, nor a directory, nor the files of another log [X20]', () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    writeFileSync(aside(path, 2020), 'one\n');
    writeFileSync(path, 'two\n');
    for (const name of [`${path}.bak`, `${aside(path, 2021)}.bak`, aside(`${path}.other`, 2022)]) {
      writeFileSync(name, 'of somebody else\n');
    }
    mkdirSync(join(aside(path, 2023), 'not-empty'), { recursive: true });
    const reader = new LogReader(path);
    onTestFinished(() => reader.close());

    expect(reader.last(9)).toEqual(['one', 'two']);
    renameSync(path, aside(path, 2024));
    expect(reader.next()).toEqual([]);
  });

  it('is followed from its first line again, where somebody has emptied it [X20]', () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    writeFileSync(path, 'a long line that was read\n');
    const reader = new LogReader(path);
    onTestFinished(() => reader.close());
    reader.last(0);

    truncateSync(path);
    appendFileSync(path, 'the first\n');
    expect(reader.next()).toEqual(['the first']);
    truncateSync(path);
    expect(reader.next()).toEqual([]);
    appendFileSync(path, 'the next\n');
    expect(reader.next()).toEqual(['the next']);
  });

  it('is followed until something else stands in its place, which the follower says [X20]', async () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    const followed = followLog(path, new LogReader(path), () => true);
    mkdirSync(path);
    await expect(followed).rejects.toThrow(/audit\.jsonl is not a file/);
  });

  it('is followed from where it was read, though it was put aside in between [X20]', () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    const reader = new LogReader(path);
    onTestFinished(() => reader.close());
    writeFileSync(path, 'one\ntwo\n');
    expect(reader.last(1)).toEqual(['two']);

    appendFileSync(path, 'three\n');
    renameSync(path, aside(path, 2020));
    expect(reader.next()).toEqual(['three']);
    writeFileSync(path, 'four\n');

    expect(reader.next()).toEqual(['four']);
    expect(reader.next()).toEqual([]);
    const anew = new LogReader(path);
    onTestFinished(() => anew.close());
    expect(anew.last(9)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('tells of an old line how long the holder had the lock then, not until today [X20]', () => {
    const holder = { pid: 4711, since: '2020-05-01T10:00:00.000Z' };
    const line = { at: '2020-05-01T10:00:05.000Z', event: 'waiting', resource: 'mirror', holders: [holder] };

    expect(pretty(JSON.stringify(line))).toMatch(/ behind a process \(pid 4711, since \S+, 5\.0s\)$/);
    const timeless = pretty(JSON.stringify({ ...line, at: 'never' }));
    expect(timeless).toMatch(/ behind a process \(pid 4711\)$/);
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
