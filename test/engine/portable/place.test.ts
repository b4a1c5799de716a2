import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { requestFor, unusedLock } from '../harness.ts';
import { refusals } from './ways.ts';

describe.each(['file', 'directory'] as const)('the place of a portable lock (lock %s)', (layout) => {
  const engine = portableEngine({ layout });

  it('on a name is refused in a directory where every user could swap files, and nothing is made there [X55, R69]', async () => {
    const { home } = unusedLock();
    const open = join(home, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);

    for (const mode of ['exclusive', 'shared'] as const) {
      for (const error of await refusals(engine, requestFor(join(open, 'mirror.lock'), mode))) {
        expect(error).toMatchObject({ code: 'HOLDFAST_REFUSED', path: open });
      }
    }

    expect(readdirSync(open)).toEqual([]);
  });

  it('is refused when a link is where its queue should be, and nothing is made behind it [X55, R69, H18]', async () => {
    const { home, request } = unusedLock();
    const { queue } = new Place(request().path);
    const elsewhere = join(home, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, queue);

    for (const mode of ['exclusive', 'shared'] as const) {
      for (const error of await refusals(engine, request(mode))) {
        expect(error).toMatchObject({ code: 'HOLDFAST_REFUSED', path: queue });
      }
    }

    expect(readdirSync(elsewhere)).toEqual([]);
  });

  it('is refused when somebody’s file is where its queue should be, and the file stays [X55, F12, H18]', async () => {
    const { request } = unusedLock();
    const { queue } = new Place(request().path);
    writeFileSync(queue, 'precious');

    for (const error of await refusals(engine, request())) {
      expect(error).toMatchObject({ code: 'HOLDFAST_REFUSED', path: queue });
    }

    expect(readFileSync(queue, 'utf8')).toBe('precious');
  });
});
