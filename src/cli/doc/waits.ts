import { type NoticeOptions, WaitingNotice } from '../output/waiting.ts';

/** Tells whom this waits for, for as long as it does. */
export async function tellingOfWaits<R>(flags: NoticeOptions, body: () => Promise<R>): Promise<R> {
  const stop = new WaitingNotice(flags).follow();
  try {
    return await body();
  } finally {
    stop();
  }
}
