import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { onceTold } from '../../src/command/signals/once-told.ts';
import { hasOtherThreadAtWork } from '../../src/command/signals/process-status.ts';
import { until } from '../support/until.ts';

it('signals are all told only once no other thread is at work, which may have taken one and not told it yet [A5, H25]', async () => {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const busy = new Worker(
    'const { parentPort, workerData } = require("node:worker_threads"); parentPort.postMessage("at work");' +
      'while (Atomics.load(workerData, 0) === 0);',
    {
      eval: true,
      workerData: stop,
    },
  );
  onTestFinished(() => void busy.terminate());
  await once(busy, 'message');
  await until(() => hasOtherThreadAtWork(), 'the thread is at work');

  let isTold = false;
  onceTold(() => {
    isTold = true;
  });
  for (let poll = 0; poll < 50; poll++) await new Promise(setImmediate);
  expect(isTold).toBe(false);
  const ended = once(busy, 'exit');
  Atomics.store(stop, 0, 1);
  await ended;
  await until(() => isTold, 'it is told that all signals are');
});
