import { LockManager } from 'holdfast';
import { expect, it } from 'vitest';
import { Thread } from '../support/thread.ts';
import { until } from '../support/until.ts';
import { newCache, put } from './support.ts';

it.each(['if-missing', 'always'] as const)(
  'three threads that fetch at the same time under %s make the entry once, and get one path [G18, H24]',
  async (policy) => {
    const { cache, directory, layout } = await newCache();
    if (policy === 'always') await put(cache, 'corpus', 'words');
    const workerData = { directory, policy };
    const threads = await Promise.all([1, 2, 3].map(() => Thread.run('cache-thread.mjs', { workerData })));
    const firsts = threads.map(async (thread) => ({ thread, says: await thread.message() }));
    const { thread: maker, says } = await Promise.race(firsts);
    expect(says).toBe('making');
    const locks = new LockManager();
    const target = layout.lockOf('corpus');
    await until(() => locks.inspect(target).waiters.length === 2, 'the other two wait');

    maker.worker.postMessage('go on');

    const text = `made by thread ${maker.worker.threadId}`;
    const own = await maker.message();
    const others = (await Promise.all(firsts)).filter(({ thread }) => thread !== maker);
    expect(own).toMatchObject({ joined: false, text });
    const { path } = own as { path: string };
    expect(others.map((each) => each.says)).toEqual([1, 2].map(() => ({ path, joined: true, text })));
  },
);
