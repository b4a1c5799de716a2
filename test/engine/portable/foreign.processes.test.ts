import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { readersDirectory } from '../../../src/engine/signature.ts';
import { makeFifo } from '../../support/tool.ts';
import { contender, unusedLock } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';
import { refusals } from './ways.ts';

/** What puts something that is not Holdfast's at a path, and looks whether it is as it was. */
const KINDS: Record<string, (path: string) => () => void> = {
  'a file': (path) => file(path, path),
  'a hard link of somebody’s file': (path) => {
    const check = file(`${path}.thesis`, path);
    linkSync(`${path}.thesis`, path);
    return check;
  },
  'a link to somebody’s file': (path) => {
    const check = file(`${path}.thesis`, path);
    symlinkSync(`${path}.thesis`, path);
    return check;
  },
  'a directory': (path) => {
    mkdirSync(path);
    return file(join(path, 'notes'), path);
  },
  'a FIFO': (path) => {
    makeFifo(path);
    return () => expect(lstatSync(path).isFIFO()).toBe(true);
  },
};

function file(path: string, place: string): () => void {
  writeFileSync(path, 'precious');
  chmodSync(path, 0o640);
  return () => {
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(existsSync(place)).toBe(true);
  };
}

describe.each(['file', 'directory'] as const)(
  'what is not Holdfast’s, beside a portable lock (%s)',
  (layout) => {
    const engine = portableEngine({ layout });

    it.each(Object.keys(KINDS))(
      'in the place of the counter (%s), is left as it is: the lock works, without a token, and says so [H18]',
      async (kind) => {
        const { request } = unusedLock();
        const { queue, counter: path } = new Place(request().path);
        mkdirSync(queue);
        const untouched = KINDS[kind]?.(path);

        const grant = await contender(engine).acquire(request());

        expect(grant.degraded).toMatchObject([{ reason: 'foreign-content', path }]);
        expect(grant.token()).toBe(undefined);
        expect(engine.tryAcquire(request())).toBe(undefined);
        grant.release();
        untouched?.();
      },
    );

    it.each(Object.keys(KINDS))(
      'in the place of the news of a dead holder (%s), is no news and stays [H18]',
      async (kind) => {
        const { request } = unusedLock();
        const { path } = request();
        const { queue, news, counter } = new Place(path);
        mkdirSync(queue);
        const untouched = KINDS[kind]?.(news);
        const token = leaveClaim(path, layout, deadProcess());
        const digits = '1'.padStart(16, '0');
        writeFileSync(
          counter,
          `holdfast-token 1\ntoken ${digits}\nclaim ${token}\nend ${digits}\n`.padEnd(128),
        );

        const grant = await contender(engine).acquire(request());

        expect(grant.recovered).toBe(undefined);
        grant.release();
        untouched?.();
      },
    );

    it.each(Object.keys(KINDS))(
      'among those who share (%s), is named and refused instead of waited for, and readers share on [R82]',
      async (kind) => {
        const { home, request } = unusedLock();
        const readers = readersDirectory(request().path);
        const path = join(readers, '.DS_Store');
        mkdirSync(readers, { recursive: true });
        const untouched = KINDS[kind]?.(path);

        for (const error of await refusals(engine, request())) {
          expect(error).toMatchObject({ code: 'HOLDFAST_REFUSED', path: expect.stringContaining(path) });
          expect((error as Error).message).toContain('has to be moved out of the directory');
        }

        untouched?.();
        expect(readdirSync(home)).toEqual([basename(new Place(request().path).queue)]);
        const grant = await contender(engine).acquire(request('shared'));
        grant.release();
        for (const name of readdirSync(readers)) renameSync(join(readers, name), join(home, name));
        await contender(engine).acquire(request());
      },
    );
  },
);
