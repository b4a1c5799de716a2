import fs, { readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { persistently, writeWhole } from '../../../src/engine/portable/files.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { tempDirectory } from '../../support/temp.ts';
import { contender, unusedLock } from '../harness.ts';
import { intercept } from './intercept.ts';

const failure = (code: string) => Object.assign(new Error(`${code}: injected`), { code });

describe('a call that fails', () => {
  it.each(['EINTR', 'EAGAIN', 'ESTALE', 'EBUSY'])(
    'with %s is made again, a few times [F8, G7, H13]',
    (code) => {
      let calls = 0;
      const passing = () => {
        if (++calls < 5) throw failure(code);
        return 'done';
      };
      const lasting = () => {
        calls++;
        throw failure(code);
      };

      expect(persistently(passing)).toBe('done');
      expect(calls).toBe(5);
      expect(() => persistently(lasting)).toThrow(code);
      expect(calls).toBe(10);
    },
  );

  it.each(['ENOENT', 'EACCES', 'ENOSPC', 'EIO', 'EROFS'])('with %s fails at once [G7, H13]', (code) => {
    let calls = 0;
    const call = () => {
      calls++;
      throw failure(code);
    };

    expect(() => persistently(call)).toThrow(code);
    expect(calls).toBe(1);
  });

  it.each(['openSync', 'fsyncSync', 'unlinkSync'] as const)(
    'for a moment costs no lock: %s, each first time it is asked for something [F8, G7]',
    async (name) => {
      const { request } = unusedLock();
      type Call = (...args: unknown[]) => unknown;
      const original = fs[name] as Call;
      const asked = new Set<unknown>();
      const once: Call = (...args) => {
        if (asked.has(args[0])) return original(...args);
        asked.add(args[0]);
        throw failure('ESTALE');
      };
      Object.assign(fs, { [name]: once });
      syncBuiltinESMExports();
      onTestFinished(() => {
        Object.assign(fs, { [name]: original });
        syncBuiltinESMExports();
      });

      const { acquire, isFree } = contender(portableEngine());
      const grant = await acquire(request());

      expect(grant.isIntact()).toBe(true);
      grant.release();
      expect(await isFree(request())).toBe(true);
      expect(asked.size).toBeGreaterThan(0);
    },
  );
});

it.each(['writeSync', 'fsyncSync', 'renameSync'] as const)(
  'a file that the disk refused is not there, nor a part of it: %s [H14]',
  (call) => {
    const home = tempDirectory();
    intercept(call, () => () => {
      throw failure('ENOSPC');
    });

    expect(() =>
      writeWhole(join(home, 'whole'), 'text', unusedLock().request(), join(home, 'part'), 'durable'),
    ).toThrow('ENOSPC');

    expect(readdirSync(home)).toEqual([]);
  },
);
