import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cleanStale } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { formatRecord, recordFor } from '../../../src/engine/portable/record.ts';
import type { Step } from '../../../src/engine/portable/settings.ts';
import { ticketName } from '../../../src/engine/portable/ticket.ts';
import { readersDirectory } from '../../../src/engine/signature.ts';
import { self } from '../../../src/identity/self.ts';
import { until } from '../../support/until.ts';
import { contender, unusedLock, upgrading } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';
import { listReadersAsOld, refusals } from './ways.ts';

const ANCIENT = new Date('2001-01-01');
const SOME = 'a'.repeat(32);

describe.each(['file', 'directory'] as const)(
  'what is not Holdfast’s, beside a portable lock (%s)',
  (layout) => {
    const engine = portableEngine({ layout });

    it('among those who share fails an upgrade, which leaves the lock shared as it was [R82]', async () => {
      const { request } = unusedLock();
      const path = join(readersDirectory(request().path), '.DS_Store');
      const grant = await contender(engine).acquire(request('shared'));
      writeFileSync(path, 'precious');

      const outcome = await upgrading(grant).ended();

      expect(outcome).toMatchObject({ code: 'HOLDFAST_REFUSED', path });
      expect(grant.isIntact()).toBe(true);
      expect(engine.inspect(request().path).state).toBe('shared');
    });

    it('a ticket of a time to come keeps nobody from a free lock [R66]', async () => {
      const { request } = unusedLock();
      const { path } = request();
      mkdirSync(new Place(path).queue);
      leaveClaim(join(new Place(path).queue, ticketName('exclusive', '9'.repeat(16))), 'file', {
        ...self(),
        pidNamespace: '1',
      });

      expect(engine.tryAcquire(request())).toBe(undefined);
      const grant = engine.lookPast(request())?.takeThen();

      expect(grant?.isIntact()).toBe(true);
      grant?.release();
    });

    it.each([
      ['as waiters usually do', undefined, 70],
      ['less often', 100, 120],
      ['so seldom that it would have to wait for long', 60_000, undefined],
    ])(
      'a request that does not wait leaves a free lock for as long as one ahead may pause, which looks at it %s [X22]',
      async (_how, pause, patience) => {
        const { request } = unusedLock();
        const { path } = request();
        mkdirSync(new Place(path).queue);
        const unknown = { ...self(), pidNamespace: '1' };
        const ticket = join(new Place(path).queue, ticketName('exclusive', '9'.repeat(16)));
        const record = { ...recordFor(request(), 'exclusive', undefined), holder: unknown, pause };
        writeFileSync(ticket, formatRecord(record));

        expect(engine.lookPast(request())?.patience).toBe(patience);
      },
    );

    it('a second look leaves a free lock to a waiter that came after the first [R7, G11]', async () => {
      const { request } = unusedLock();
      const { path } = request();
      mkdirSync(new Place(path).queue);
      const unknown = { ...self(), pidNamespace: '1' };
      leaveClaim(join(new Place(path).queue, ticketName('exclusive', '9'.repeat(16))), 'file', unknown);
      const lookAgain = engine.lookPast(request());
      expect(lookAgain).toBeDefined();

      leaveClaim(join(new Place(path).queue, ticketName('exclusive')), 'file', self());

      expect(lookAgain?.takeThen()).toBe(undefined);
      expect(existsSync(path)).toBe(false);
    });

    it('in the place of those who share, a link, is refused in either mode, and nothing is left behind it [H18]', async () => {
      const { home, request } = unusedLock();
      const [target, readers] = [join(home, 'elsewhere'), readersDirectory(request().path)];
      mkdirSync(target);
      mkdirSync(new Place(request().path).queue);
      symlinkSync(target, readers);

      for (const mode of ['exclusive', 'shared'] as const) {
        for (const error of await refusals(engine, request(mode))) {
          expect(error).toMatchObject({ code: 'HOLDFAST_REFUSED', path: readers });
        }
      }

      expect(readdirSync(target)).toEqual([]);
      expect(existsSync(request().path)).toBe(false);
    });

    it('but is named like what the dead leave, is not cleaned away, however old it is [F12]', async () => {
      const { home, request } = unusedLock();
      const queue = new Place(request().path).queue;
      const kinds = ['new', 'gone', 'break', 'child', 'waits'].map((kind) => join(queue, `${kind}.${SOME}`));
      const note = join(queue, `waits.${'b'.repeat(32)}`);
      const wait = {
        id: '1',
        since: '1',
        path: '/x',
        resource: 'x',
        who: 'x',
        holds: 'x',
        owner: deadProcess(),
      };
      mkdirSync(queue);
      for (const path of kinds) {
        mkdirSync(path);
        writeFileSync(join(path, 'thesis'), 'precious');
      }
      writeFileSync(note, JSON.stringify(wait));
      for (const path of [...kinds, note]) utimesSync(path, ANCIENT, ANCIENT);

      expect((await cleanStale(home)).removed).toEqual([]);
      await contender(engine).acquire(request());

      for (const path of kinds) expect(readFileSync(join(path, 'thesis'), 'utf8')).toBe('precious');
      expect(existsSync(note)).toBe(true);
    });

    it('what a record says that only an observer can know is not believed [H15, R66]', async () => {
      const { request } = unusedLock();
      const forged = {
        child: 'x',
        silent: 'zzz',
        stopped: 'no',
        foreign: 'yes',
        claim: 'y',
        since: 'never',
        odd: 'z',
      };
      const token = leaveClaim(request().path, layout, { ...self(), ...forged } as never);

      const [holder] = engine.inspect(request().path).holders;

      expect(holder).toMatchObject({
        pid: process.pid,
        claim: token,
        since: expect.stringMatching(/^\d{4}-/),
      });
      for (const field of ['child', 'silent', 'stopped', 'foreign', 'odd'])
        expect(holder).not.toHaveProperty(field);
    });

    it('a writer that waits for readers it cannot see does not take itself for the holder', async () => {
      const { request } = unusedLock();
      await contender(engine).acquire(request('shared'));
      listReadersAsOld();
      const drains: Step[] = [];
      const onStep = (step: Step) => step === 'drain' && drains.push(step);
      const writer = contender(portableEngine({ layout, onStep })).wait(request());
      await until(() => drains.length > 1, 'the writer was at the gate again and again');

      expect(engine.inspect(request().path)).toMatchObject({ state: 'free', holders: [] });
      writer.waiting.cancel();
    });
  },
);

it('what somebody put into a claim directory stays when the claim goes [F9]', async () => {
  const { request } = unusedLock();
  const grant = await contender(portableEngine({ layout: 'directory' })).acquire(request());
  writeFileSync(join(request().path, 'thesis'), 'precious');

  grant.release();

  expect(existsSync(request().path)).toBe(false);
  const queue = new Place(request().path).queue;
  const [aside = ''] = readdirSync(queue).filter((name) => name.startsWith('gone.'));
  expect(readFileSync(join(queue, aside, 'thesis'), 'utf8')).toBe('precious');
});
