import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { CLAIM_FILE, readersDirectory } from '../../../src/engine/signature.ts';
import { contender, granted, unusedLock } from '../harness.ts';
import { refusals } from './ways.ts';

const layouts = ['file', 'directory'] as const;

function refusal(wanted: string, found: string) {
  return { code: 'HOLDFAST_MISMATCH', wanted, found, message: expect.stringContaining(`engine: '${found}'`) };
}

describe.each(layouts)('a lock that the portable engine (lock %s) has', (layout) => {
  const portable = portableEngine({ layout });

  it.each(['exclusive', 'shared'] as const)(
    'is refused to the kernel engine while it is held %s, also in the other mode',
    async (mode) => {
      const { request } = unusedLock();
      const grant = await contender(portable).acquire(request(mode));
      for (const asked of ['exclusive', 'shared'] as const) {
        for (const error of await refusals(kernelEngine, request(asked))) {
          expect(error).toMatchObject(refusal('kernel', 'portable'));
        }
      }
      expect(grant.isIntact()).toBe(true);
    },
  );

  it('is refused to the kernel engine before a lock file is made while readers share it', async () => {
    const { request } = unusedLock();
    await contender(portable).acquire(request('shared'));

    for (const error of await refusals(kernelEngine, request())) {
      expect(error).toMatchObject(refusal('kernel', 'portable'));
    }

    expect(existsSync(request().path)).toBe(false);
  });

  it('is refused to the kernel engine also while its only reader is one of whom nothing can be proved [H3]', async () => {
    const { request } = unusedLock();
    await contender(portable).acquire(request('shared'));
    const readers = readersDirectory(request().path);
    const [name = ''] = readdirSync(readers);
    const isDirectory = statSync(join(readers, name)).isDirectory();
    const claim = join(readers, name, isDirectory ? CLAIM_FILE : '');
    const inContainer = readFileSync(claim, 'utf8').replace(/"pidNamespace":"\d+"/, '"pidNamespace":"1"');
    expect(inContainer).toContain('"pidNamespace":"1"');
    writeFileSync(claim, inContainer);

    for (const error of await refusals(kernelEngine, request())) {
      expect(error).toMatchObject(refusal('kernel', 'portable'));
    }
  });

  it('goes to whichever engine comes first after its release', async () => {
    const { request } = unusedLock();
    const grant = await contender(portable).acquire(request());
    grant.release();

    await contender(kernelEngine).acquire(request());
  });
});

describe.each(layouts)('a lock file of the kernel engine, for the portable engine (lock %s)', (layout) => {
  const portable = portableEngine({ layout });

  it('is refused and left as it is, whether it is held or free', async () => {
    const { request } = unusedLock();
    const grant = await contender(kernelEngine).acquire(request());
    for (const mode of ['exclusive', 'shared'] as const) {
      for (const error of await refusals(portable, request(mode))) {
        expect(error).toMatchObject(refusal('portable', 'kernel'));
      }
    }
    expect(grant.isIntact()).toBe(true);
    grant.release();
    const free = readFileSync(request().path, 'utf8');

    for (const error of await refusals(portable, request())) {
      expect(error).toMatchObject(refusal('portable', 'kernel'));
    }
    expect(readFileSync(request().path, 'utf8')).toBe(free);
  });

  it('is refused also when it was made a moment ago and is still empty', () => {
    const { request } = unusedLock();
    mkdirSync(dirname(request().path), { recursive: true });
    writeFileSync(request().path, '');
    expect(() => portable.tryAcquire(request())).toThrow(
      expect.objectContaining(refusal('portable', 'kernel')),
    );
    expect(existsSync(request().path)).toBe(true);
  });

  it('that comes to be while readers share the lock grants nothing until they are gone', async () => {
    const { request } = unusedLock();
    const reader = await contender(portable).acquire(request('shared'));
    writeFileSync(request().path, ''); // as a kernel contender leaves it that was refused at its second look
    const started = contender(kernelEngine).wait(request());
    await expect(started.granted).rejects.toMatchObject(refusal('kernel', 'portable'));
    expect(() => portable.tryAcquire(request('shared'))).toThrow(
      expect.objectContaining(refusal('portable', 'kernel')),
    );

    reader.release();
    await granted(contender(kernelEngine).wait(request()));
  });
});

describe.each(layouts)('what is not Holdfast’s in the place of a lock (lock %s)', (layout) => {
  const portable = portableEngine({ layout });

  it('is refused and left byte for byte: content, an empty directory, a full one [R66]', () => {
    const { home, request } = unusedLock();
    const { path } = request();
    writeFileSync(path, 'version = 1\n');
    const refused = expect.objectContaining({ code: 'HOLDFAST_REFUSED', path });
    expect(() => portable.tryAcquire(request())).toThrow(refused);
    expect(readFileSync(path, 'utf8')).toBe('version = 1\n');

    for (const [name, files] of [
      ['empty', []],
      ['full', ['claim', 'other']],
    ] as const) {
      const directory = join(home, `${name}.lock`);
      mkdirSync(directory);
      for (const file of files) writeFileSync(join(directory, file), 'precious');
      const there = { ...request(), path: directory };
      expect(() => portable.tryAcquire(there)).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_REFUSED', path: directory }),
      );
      for (const file of files) expect(readFileSync(join(directory, file), 'utf8')).toBe('precious');
      expect(existsSync(directory)).toBe(true);
    }
  });
});
