import { dirname } from 'node:path';
import { BusyError, TimeoutError, toProblem } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { StoppedClock } from '../support/clock.ts';
import { next } from '../support/events.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

async function contention(timeout: number): Promise<{ error: BusyError; holder: Agent; path: string }> {
  const home = tempDirectory();
  const [holder] = await Agent.several(home, 1);
  const { path } = await holder.acquire('mirror', { purpose: 'aba mirror save' });
  const manager = locksIn(home);
  const error = await manager.acquire('mirror', { timeout }).catch((error: unknown) => error);
  return { error: error as BusyError, holder, path };
}

describe('the error of a busy lock', () => {
  it('names the operation, its holder and since when, where the lock is, and what to do [C3, G14, A4, R82]', async () => {
    const { error, holder, path } = await contention(0);

    expect(error).toBeInstanceOf(BusyError);
    expect(error).toMatchObject({ name: 'BusyError', resource: 'mirror', path, waited: 0 });
    expect(error.holder).toMatchObject({ pid: holder.pid, purpose: 'aba mirror save' });
    const name = `--directory ${dirname(path)} mirror`;
    expect(error.message).toMatch(
      new RegExp(
        `^mirror is held by "aba mirror save" \\(pid ${holder.pid}, user \\S+, since \\d\\d:\\d\\d:\\d\\d, .*s\\)\\. ` +
          `Look: holdfast who ${name} · wait: holdfast wait ${name}\\. Lock: ${path}$`,
      ),
    );
    expect(error.message).not.toMatch(/delete|remove|rm /);
  });

  it('tells after a wait how long that was, and keeps its facts as fields [G14, R41]', async () => {
    const clock = new StoppedClock();
    const waiting = next('waiting');
    const contended = contention(120);
    await waiting;
    await clock.elapse(120);
    const { error, holder, path } = await contended;

    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.waited).toBe(120);
    expect(error.message).toContain('; waited 120ms');
    expect(error.message).toContain(path);
    expect(error.message).toContain(`pid ${holder.pid}`);
  });

  it('becomes a problem document that names the operation and nobody [C3, R68]', async () => {
    const { error, holder, path } = await contention(0);

    const problem = toProblem(error, { status: 423, retryAfter: 2.5 });

    expect(problem).toMatchObject({
      status: 423,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '3' },
      body: { status: 423, operation: 'aba mirror save', since: error.holder?.since, code: 'HOLDFAST_BUSY' },
    });
    const text = JSON.stringify(problem);
    expect(text).not.toContain(path);
    expect(text).not.toContain(String(holder.pid));
    expect(toProblem(error)?.status).toBe(409);
    expect(toProblem(new Error('x'))).toBeUndefined();
    expect(toProblem(undefined)).toBeUndefined();
  });
});
