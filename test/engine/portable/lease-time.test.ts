import { existsSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { writeCount } from '../../../src/engine/portable/counter.ts';
import { PortableLock } from '../../../src/engine/portable/lock.ts';
import { look } from '../../../src/engine/portable/look.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { type PortableOptions, portableEngine } from '../../../src/engine/portable/portable.ts';
import { type Step, settingsOf } from '../../../src/engine/portable/settings.ts';
import { CLAIM_FILE } from '../../../src/engine/signature.ts';
import { self } from '../../../src/identity/self.ts';
import { contender, unusedLock, upgrading } from '../harness.ts';
import { intercept, interceptShowing, interceptShowingIn } from './intercept.ts';
import { deadProcess, leaveClaim, replaceClaim } from './stale.ts';

const DAY = 86_400_000;
const BEAT = 1000;
const NEVER = 10 * DAY;
const LEASE = 60_000;
const ANCIENT = new Date('2001-01-01');

/** Both clocks of this process, and its timers, in the hands of the test until it is over. */
function takeTime() {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  return {
    /** Passes on both clocks, and timers fire. */
    passes: (ms: number) => void vi.advanceTimersByTime(ms),
    /** The wall clock alone moves, as over a sleep of the machine, and no timer fires. */
    jumps: (ms: number) => void vi.setSystemTime(Date.now() + ms),
  };
}

describe.each(['file', 'directory'] as const)('by the clocks, a lease (lock %s)', (layout) => {
  const engineWith = (options: PortableOptions = {}) => portableEngine({ layout, lease: LEASE, ...options });
  const observer = portableEngine({ layout });
  const touch = (path: string, time = new Date(Date.now() + 1)) =>
    utimesSync(layout === 'directory' ? join(path, CLAIM_FILE) : path, time, time);
  const changed = (path: string) => statSync(layout === 'directory' ? join(path, CLAIM_FILE) : path).mtimeMs;
  const tokenAt = (path: string) => (look(path) as { token?: string }).token;

  /** A holder that lives and never gives a sign of life. */
  const leaveLeased = (path: string) => leaveClaim(path, layout, self(), { lease: LEASE });

  it('is over when the faster of both says so: a jump ahead ends it, a jump back does not prolong it [X54, H22, H21]', async () => {
    const time = takeTime();
    const { request } = unusedLock();
    const grant = await contender(engineWith({ beat: NEVER })).acquire(request());

    time.jumps(LEASE - 1000);
    expect([grant.isExpired(), grant.isIntact()]).toEqual([false, true]);
    time.jumps(2000);
    expect([grant.isExpired(), grant.isIntact()]).toEqual([true, false]);
    time.jumps(-DAY);
    time.passes(LEASE + 1000);
    expect([grant.isExpired(), grant.isIntact()]).toEqual([true, false]);
  });

  it.each(['a grant', 'an upgrade'])(
    'leaves the news of a death for the next holder when it was over before %s was counted [X14]',
    async (what) => {
      const time = takeTime();
      const lock = unusedLock();
      const place = new Place(lock.request().path);
      mkdirSync(place.queue);
      const claim = leaveClaim(place.lock, layout, deadProcess());
      writeCount(new PortableLock(lock.request(), settingsOf({})), 1, claim);
      const onStep = (step: Step) => {
        if (step === 'count') time.jumps(2 * LEASE);
      };
      const slow = engineWith({ onStep });
      if (what === 'a grant') {
        expect(slow.tryAcquire(lock.request())).toBe(undefined);
      } else {
        const grant = await contender(slow).acquire(lock.request('shared'));
        expect(await upgrading(grant).ended()).toBe('lost');
        grant.release();
      }

      expect((await contender(observer).acquire(lock.request())).recovered).toBeDefined();
    },
  );

  it('goes on as long as its holder gives signs of life [X54, H21]', async () => {
    const time = takeTime();
    const { request } = unusedLock();
    const grant = await contender(engineWith({ beat: BEAT })).acquire(request());

    time.passes(3 * LEASE);

    expect([grant.isExpired(), grant.isIntact()]).toEqual([false, true]);
  });

  it('that ran out is not taken up again by a holder that wakes, which gives no more signs of life [X54, H21]', async () => {
    const time = takeTime();
    const { request } = unusedLock();
    const { path } = request();
    const grant = await contender(engineWith({ beat: BEAT })).acquire(request());
    const last = changed(path);
    time.jumps(LEASE + 1000);

    time.passes(5 * BEAT);

    expect([grant.isExpired(), grant.isIntact()]).toEqual([true, false]);
    expect(changed(path)).toBe(last);
  });

  it('is counted from before a sign of life, however long that takes [X54, H21]', async () => {
    const time = takeTime();
    const { request } = unusedLock();
    const grant = await contender(engineWith({ beat: BEAT })).acquire(request());
    intercept('futimesSync', (original) => (...args) => {
      original(...args);
      time.jumps(LEASE - 1000);
    });
    time.passes(BEAT);
    expect(grant.isExpired()).toBe(false);

    time.jumps(2000);

    expect(grant.isExpired()).toBe(true);
  });

  it.each(['exclusive', 'shared'] as const)(
    'is counted from before its claim was published, however long that takes: %s [X54, H21]',
    async (mode) => {
      const time = takeTime();
      const { request } = unusedLock();
      const { lock, readers } = new Place(request().path);
      const slowly = (show: () => void) => {
        show();
        time.jumps(LEASE - 1000);
      };
      if (mode === 'exclusive') interceptShowing(lock, slowly);
      else interceptShowingIn(readers, slowly);
      const grant = await contender(engineWith({ beat: NEVER })).acquire(request(mode));
      expect(grant.isExpired()).toBe(false);

      time.jumps(2000);

      expect(grant.isExpired()).toBe(true);
    },
  );

  it('that runs out while its grant is counted grants nothing, and nothing stays [X54, H21]', () => {
    const time = takeTime();
    const { request } = unusedLock();
    const onStep = (step: Step) => step === 'count' && time.jumps(LEASE + 1000);

    expect(engineWith({ onStep }).tryAcquire(request())).toBe(undefined);

    expect(existsSync(request().path)).toBe(false);
  });

  it.each(['publish-reader', 'look-at-gate'] as const)(
    'that runs out while a reader is at the gate, at %s, shares nothing with the one who came after [X54, H21]',
    (step) => {
      const time = takeTime();
      const { request } = unusedLock();
      const place = new Place(request().path);
      let successor: Grant | undefined;
      const onStep = (next: Step) => {
        if (next !== step || successor !== undefined) return;
        observer.tryAcquire(request()); // sees the gate, and no sign of life from then on
        time.passes(2 * LEASE);
        if (step === 'publish-reader') successor = observer.tryAcquire(request());
      };

      expect(engineWith({ onStep, beat: NEVER }).tryAcquire(request('shared'))).toBe(undefined);

      successor ??= observer.tryAcquire(request());
      expect(successor?.isIntact()).toBe(true);
      expect(existsSync(place.readers) ? readdirSync(place.readers) : []).toEqual([]);
      successor?.release();
    },
  );

  it('that ran out before a downgrade leaves nothing that is shared beside the one who came after [X54, H21]', async () => {
    const time = takeTime();
    const { request } = unusedLock();
    const grant = await contender(engineWith({ beat: NEVER })).acquire(request());
    expect(observer.tryAcquire(request())).toBe(undefined);
    time.passes(2 * LEASE);
    const successor = await contender(observer).acquire(request());

    grant.downgrade();

    expect([grant.isIntact(), successor.isIntact()]).toEqual([false, true]);
    expect(observer.inspect(request().path).state).toBe('exclusive');
  });

  it('is taken over when no sign of life was seen for one and a half times as long, and no sooner [X54, H21]', () => {
    const time = takeTime();
    const { request } = unusedLock();
    leaveLeased(request().path);
    expect(observer.tryAcquire(request())).toBe(undefined);

    time.passes(1.5 * LEASE - 1);
    expect(observer.tryAcquire(request())).toBe(undefined);
    time.passes(1);
    const grant = observer.tryAcquire(request());

    expect(grant?.isIntact()).toBe(true);
    grant?.release();
  });

  it('is counted anew by others at every sign of life [X54, H21]', () => {
    const time = takeTime();
    const { request } = unusedLock();
    const { path } = request();
    const token = leaveLeased(path);
    for (let beats = 0; beats < 5; beats++) {
      expect(observer.tryAcquire(request())).toBe(undefined);
      time.passes(LEASE);
      touch(path);
    }

    expect(tokenAt(path)).toBe(token);
  });

  it('that is renewed while it is being taken over is left to its holder [X54, H8]', () => {
    const time = takeTime();
    const { request } = unusedLock();
    const { path } = request();
    const token = leaveLeased(path);
    const onStep = (step: Step) => step === 'look-again' && touch(path);
    const breaker = portableEngine({ layout, onStep });
    expect(breaker.tryAcquire(request())).toBe(undefined);
    time.passes(2 * LEASE);

    expect(breaker.tryAcquire(request())).toBe(undefined);

    expect(tokenAt(path)).toBe(token);
  });

  it('that is succeeded while its holder gives it back is left to the successor [X54, H8, H9]', () => {
    const { request } = unusedLock();
    const { path } = request();
    let successor = '';
    const onStep = (step: Step) => {
      if (step === 'remove-own') successor = replaceClaim(path, layout, self());
    };
    const grant = engineWith({ onStep }).tryAcquire(request()) as Grant;

    grant.release();

    expect(successor).not.toBe('');
    expect(tokenAt(path)).toBe(successor);
  });

  it('that was succeeded is not prolonged for the successor: its former holder gives no signs of life there [X54, H9]', async () => {
    const time = takeTime();
    const { request } = unusedLock();
    const { path } = request();
    const grant = await contender(engineWith({ beat: BEAT })).acquire(request());
    replaceClaim(path, layout, self());
    touch(path, ANCIENT);

    time.passes(5 * BEAT);

    expect(changed(path)).toBe(ANCIENT.getTime());
    expect(grant.isIntact()).toBe(false);
  });

  it('of an observer takes nothing from a holder that never agreed to one, however long it is silent [X54, F4]', () => {
    const time = takeTime();
    const { request } = unusedLock();
    const { path } = request();
    const token = leaveClaim(path, layout, self());
    const impatient = engineWith({ lease: 1 });
    expect(impatient.tryAcquire(request())).toBe(undefined);

    time.passes(DAY);

    expect(impatient.tryAcquire(request())).toBe(undefined);
    expect(tokenAt(path)).toBe(token);
  });
});

it('a wall clock that jumps takes no lock without a lease from anybody [H22]', async () => {
  const time = takeTime();
  const { request } = unusedLock();
  const grant = await contender(portableEngine()).acquire(request());

  time.jumps(DAY);

  expect(portableEngine().tryAcquire(request())).toBe(undefined);
  expect([grant.isExpired(), grant.isIntact()]).toEqual([false, true]);
});
