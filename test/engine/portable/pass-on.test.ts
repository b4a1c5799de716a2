import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { EngineMismatchError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import type { Engine, Grant, LockRequest } from '../../../src/engine/engine.ts';
import { kernelEngine, makeInheritedFile } from '../../../src/engine/kernel/kernel.ts';
import { abandonClaim, portableEngine } from '../../../src/engine/portable/portable.ts';
import { parseRecord } from '../../../src/engine/portable/record.ts';
import type { Step } from '../../../src/engine/portable/settings.ts';
import { contender, unusedLock } from '../harness.ts';

const makeshift = portableEngine({ makeshift: true });

/** The portable engine of who passes the lock on, with something else done before some of its steps. */
function passingOn(before: Partial<Record<Step, () => void>>): Engine {
  return portableEngine({
    onStep: (step) => before[step]?.(),
    heir: { name: 'kernel', makeFile: makeInheritedFile, insist: () => {} },
  });
}

/** What a person does who takes the owner of the claim at a lock path for gone, and nothing proves the contrary. */
function breakByHand({ path }: LockRequest) {
  const text = readFileSync(path, 'utf8').replace(/"pidNamespace":"\d+"/, '"pidNamespace":"1"');
  writeFileSync(path, text);
  return abandonClaim(path, parseRecord(text)?.token as string);
}

async function usedLock(): Promise<() => LockRequest> {
  const { request } = unusedLock();
  (await contender(makeshift).acquire(request())).release();
  return request;
}

describe('who passes a lock on to the kernel engine', () => {
  it('has something stand at the lock path all the time, so that nobody comes between [X52]', async () => {
    const request = await usedLock();
    const seen: Step[] = [];
    const nobodyGetsIn = (step: Step) => () => {
      seen.push(step);
      expect(lstatSync(request().path).isFile()).toBe(true);
      expect(makeshift.tryAcquire(request())).toBe(undefined);
      expect(() => kernelEngine.tryAcquire(request())).toThrow(EngineMismatchError);
    };
    const steps = ['drain', 'pass-on', 'publish-break', 'look-again', 'remove-dead'] as const;
    const passing = passingOn(Object.fromEntries(steps.map((step) => [step, nobodyGetsIn(step)])));

    expect(() => passing.tryAcquire(request())).toThrow(EngineMismatchError);

    expect(seen).toEqual(steps);
    const grant = kernelEngine.tryAcquire(request());
    expect(grant?.contract).toBe('kernel');
    grant?.release();
  });

  it('leaves the lock to a successor when its claim was broken by hand, and cannot be broken once it has the right [X52, H9]', async () => {
    const request = await usedLock();
    let successor: Grant | undefined;
    const tooLate = passingOn({
      'pass-on': () => {
        expect(breakByHand(request())).toBe('removed');
        successor = makeshift.tryAcquire(request());
      },
    });

    expect(tooLate.tryAcquire(request())).toBe(undefined);
    expect(successor?.isIntact()).toBe(true);
    successor?.release();

    const inTime = passingOn({ 'remove-dead': () => expect(breakByHand(request())).toBe('busy') });
    expect(() => inTime.tryAcquire(request())).toThrow(EngineMismatchError);
    expect(kernelEngine.inspect(request().path).state).toBe('free');
  });
});
