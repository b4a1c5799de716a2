import { readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tempDirectory } from './support/temp.ts';
import { tool } from './support/tool.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const recordings = join(root, 'docs/recordings');
const names = readdirSync(recordings)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace('.json', ''));

interface Cast {
  readonly header: { readonly version: number; readonly width: number; readonly height: number };
  readonly events: readonly (readonly [seconds: number, kind: string, text: string])[];
}

function read(directory: string, name: string): Cast {
  const lines = readFileSync(join(directory, `${name}.cast`), 'utf8')
    .trimEnd()
    .split('\n');
  const [header, ...events] = lines.map((line) => JSON.parse(line));
  return { header, events };
}

/** What is shown, without what differs from one time to the next. */
function shown({ events }: Cast): string {
  return events
    .map(([, , text]) => text)
    .join('')
    .replace(/pid \d+/g, 'pid 1')
    .replace(/user \S+,/g, 'user me,')
    .replace(/\d+:\d\d:\d\d/g, '00:00:00')
    .replace(/\b[\d.]+m?s\b/g, '0s');
}

describe('the recording', () => {
  it.each(names)('%s is an asciicast that shows what its commands print now', (name) => {
    const kept = read(recordings, name);
    expect(kept.header).toMatchObject({ version: 2, width: expect.any(Number), height: expect.any(Number) });
    const times = kept.events.map(([seconds]) => seconds);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(JSON.stringify(kept)).not.toContain(userInfo().homedir);

    const directory = tempDirectory();
    const script = [join(root, 'scripts/record.mjs'), '--into', directory, name];
    tool(process.execPath, script, { timeout: 60_000 });
    expect(shown(read(directory, name))).toBe(shown(kept));
  });
});
