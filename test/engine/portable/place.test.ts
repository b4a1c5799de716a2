import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import type { Step } from '../../../src/engine/portable/settings.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import { fileResource } from '../../../src/lock/resource.ts';
import { requestFor, unusedLock } from '../harness.ts';
import { intercept } from './intercept.ts';
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

  it('beside data of its owner alone lets those who may make files there read claims, and not only write them [F7, R69]', () => {
    const { home } = unusedLock();
    const team = join(home, 'team');
    mkdirSync(team);
    chmodSync(team, 0o770);
    const beside = join(team, 'roles.json');
    writeFileSync(beside, '{}', { mode: 0o600 });
    const { path } = fileResource(beside);

    const grant = engine.tryAcquire({ ...requestFor(path), beside });

    const claim = layout === 'directory' ? join(path, CLAIM_FILE) : path;
    expect((statSync(claim).mode & 0o7777).toString(8)).toBe('660');
    grant?.release();
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

  it('is made anew when its queue is gone that a network file system still shows [X55, F7]', async () => {
    const { request } = unusedLock();
    const { queue } = new Place(request().path);
    const onStep = (step: Step) => {
      if (step === 'drain') rmdirSync(queue);
    };
    const reader = engine.tryAcquire(request('shared'));
    const remembered = lstatSync(queue);
    reader?.release();
    rmSync(queue, { recursive: true });
    intercept(
      'lstatSync',
      (original) =>
        Object.assign(
          (path: string, ...rest: never[]) =>
            path === queue ? remembered : (original as (...args: unknown[]) => unknown)(path, ...rest),
          original,
        ) as typeof original,
    );

    const grant = portableEngine({ layout, onStep }).tryAcquire(request());

    expect(grant?.isIntact()).toBe(true);
    grant?.release();
  });
});
