import { holders as describeHolders, duration, forAnother, printable } from '../../errors/describe.ts';
import { exitCodeIn } from '../../once/command/exit-code.ts';
import { gapsIn, readLog, summaryOf } from '../../once/command/log.ts';
import { commandOutcomeIn } from '../../once/command/outcome.ts';
import type { StreamName } from '../../once/command/sink.ts';
import { onceCommand } from '../../once/hint.ts';
import type { OnceRecord } from '../../once/record.ts';
import { howEnded, type OnceState, stateOf } from '../../once/state.ts';
import type { Store } from '../../once/store.ts';
import { Date } from '../../time/time.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { outlet } from '../output/outlet.ts';
import { print } from '../output/text.ts';
import { finished } from './await.ts';
import { endWith } from './foreground.ts';
import { stateJson } from './list.ts';
import type { OnceCall } from './options.ts';
import { refuseGaps, tellGaps } from './present.ts';
import { type Task, taskOfCall } from './task.ts';

/**
 * `--peek`: is it finished? `--active`: is it running or finished? Exits with 0 for yes, 1 for no. A run is finished that
 * came to an end of its own, well or not, whether its outcome still counts or not: who waits for the end must meet it.
 */
export function peek(call: OnceCall): void {
  const task = taskOfCall(call);
  const state = stateOf(call.id, task.place, task.store);
  if (call.flags.json === true) printJson(stateJson(state));
  else if (call.flags.quiet !== true) print(describe(state, task));
  const isFinished = state.last !== undefined && state.current === undefined;
  const isActive = isFinished || state.name === 'running';
  const answer = call.deed === 'active' ? isActive : isFinished;
  process.exitCode = answer ? exitCodes.success : exitCodes.no;
}

function describe(state: OnceState, { place }: Task): string {
  const name = printable(state.key);
  const { last, current } = state;
  const ago = (time: string) => `${duration(Math.max(0, Date.now() - Date.parse(time)))} ago`;
  if (current !== undefined && state.name !== 'running') {
    const which = `(run ${current.run}, started ${ago(current.started)})`;
    return `${name} has no result: its last run ${printable(howEnded(current))} ${which}`;
  }
  switch (state.name) {
    case 'none':
      return `${name} was never started`;
    case 'running': {
      const { holders } = place.locks.inspect({ name: place.lock });
      return `${name} is running, by ${describeHolders(holders)}. Follow: ${onceCommand('--follow', state.key, place)}`;
    }
    case 'failed': {
      const code = last === undefined ? 1 : exitCodeIn(last);
      const remembered = state.remaining > 0 ? `remembered ${forAnother(state.remaining)}` : 'not remembered';
      return `${name} failed ${ago(last?.header.finished ?? '')} (exit ${code}); ${remembered}`;
    }
    default: {
      const counts =
        state.name === 'done' ? `its result counts ${forAnother(state.remaining)}` : 'its result has expired';
      const code =
        last === undefined || commandOutcomeIn(last) === undefined ? '' : ` (exit ${exitCodeIn(last)})`;
      return `${name} was done ${ago(last?.header.finished ?? '')}${code}; ${counts}`;
    }
  }
}

/** `--stdout`, `--stderr`: the log of the last run, as far as it is. `--exit-code`: its exit code, when it has ended. */
export async function printPart(call: OnceCall): Promise<void> {
  const { store, place } = taskOfCall(call);
  const state = stateOf(call.id, place, store);
  if (call.deed === 'exitCode') {
    const code = exitCodeIn(finished(state));
    if (call.flags.json === true) printJson({ id: call.id, exitCode: code });
    else print(String(code));
    return;
  }
  const stream = call.deed === 'stderr' ? 'stderr' : 'stdout';
  try {
    if (state.current === undefined) await printWhole(call, store, finished(state), stream);
    else await readLog(store, state.current, stream, outlet());
  } catch (error) {
    await endWith(error, call.flags);
  }
}

async function printWhole(
  { id, flags }: OnceCall,
  store: Store,
  record: OnceRecord,
  stream: StreamName,
): Promise<void> {
  const outcome = commandOutcomeIn(record);
  if (outcome === undefined) {
    if (stream === 'stdout' && record.header.kind !== 'failure') await outlet()(record.body, stream);
    return;
  }
  const gaps = gapsIn(store, record, [stream]);
  if (flags.complete === true) refuseGaps(id, gaps);
  await readLog(store, record.header, stream, outlet(), summaryOf(store, record, stream));
  tellGaps(id, gaps, flags);
}
