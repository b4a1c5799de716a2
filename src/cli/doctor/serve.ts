import { linkSync, renameSync } from 'node:fs';
import { systemCode } from '../../errors/base.ts';
import { InputError } from '../../errors/input-error.ts';
import { onLockEvent } from '../../events/channel.ts';
import type { Lock } from '../../lock/lock.ts';
import { LockManager } from '../../lock/manager.ts';
import { monotonic } from './check.ts';
import type { Answer, Message, Order, Orders } from './partner.ts';
import { removeScratch } from './scratch.ts';

/** The other side of `Partner`: carries out orders until its parent is gone, and then sees that nothing stays behind. */
export function serve(scratch: string): void {
  const send = process.send?.bind(process);
  if (send === undefined) throw new InputError('--partner', 'is for holdfast doctor itself');
  // What a dead parent cannot be told must not end this process before it has cleared away.
  const tell = (message: Message) => void send(message, undefined, undefined, () => {});
  const hands = handsOf(new LockManager());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {}); // the parent's to handle
  onLockEvent('waiting', () => tell({ waits: true }));
  const leave = () => {
    removeScratch(scratch);
    process.exit();
  };
  process.on('disconnect', leave);
  if (!process.connected) leave();
  process.on('message', async ({ order, with: what }: Order) => {
    try {
      tell({ answer: await hands[order](what as never) });
    } catch (error) {
      tell({ error: error instanceof Error ? error.message : String(error) });
    }
  });
}

type Hands = { readonly [Name in keyof Orders]: (what: Orders[Name]) => Answer | Promise<Answer> };

function handsOf(manager: LockManager): Hands {
  const locks = new Map<string, Lock>();

  function granted(file: string, lock: Lock | undefined): Answer {
    const at = monotonic();
    if (lock === undefined) return { done: false, at };
    locks.set(file, lock);
    const { contract, recovered, degraded } = lock;
    return { done: true, at, contract, recovered, degraded };
  }

  return {
    try: async ({ file, mode }) => granted(file, await manager.tryAcquire({ file }, { mode })),
    wait: async ({ file, mode }) =>
      granted(file, await manager.acquire({ file }, { mode, timeout: Infinity })),
    async release({ file }) {
      const at = monotonic();
      await locks.get(file)?.release();
      return { done: locks.delete(file), at };
    },
    link: ({ from, to }) => done(() => linkSync(from, to)),
    rename: ({ from, to }) => done(() => renameSync(from, to)),
    clock: () => ({ done: true, at: monotonic() }),
  };
}

function done(act: () => void): Answer {
  try {
    act();
    return { done: true, at: monotonic() };
  } catch (error) {
    return { done: false, at: monotonic(), code: systemCode(error) ?? String(error) };
  }
}
