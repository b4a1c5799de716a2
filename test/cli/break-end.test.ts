import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endAll } from '../../src/cli/break/end.ts';
import { recordOf } from '../../src/identity/index.ts';
import { asUser, Child, fixture } from '../support/child.ts';
import { HANGING } from '../support/deadline.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';
import { stoppedClock, stuckCommand } from './stopping.ts';

function victim({ pid }: Child, { isWrapper = false, start = recordOf(pid).start } = {}) {
  return { title: 'a process', identity: { ...recordOf(pid), start: start as string }, isWrapper };
}

describe('a process that break ends', () => {
  it('gets no signal when it is another one than took the lock, under the same id [H1, X59]', async () => {
    const bystander = new Child('cat');

    const ended = await endAll([victim(bystander, { start: '1' })], 0);

    expect(ended).toEqual([{ title: 'a process', pid: bystander.pid, outcome: 'gone' }]);
    bystander.say('still here');
    await bystander.line('still here');
  });

  it('that survives even SIGKILL is told to be alive [R82]', async () => {
    const directory = tempDirectory();
    const stuck = await stuckCommand(directory);
    const { jump } = stoppedClock();
    let isOver = false;
    const ending = endAll([victim(stuck)], 0).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      jump(1_000);
      await setImmediate();
    }

    expect(await ending).toEqual([{ title: 'a process', pid: stuck.pid, outcome: 'alive' }]);
  });

  it('gets its signal once when it is a command: the holdfast run around it gets none, which would pass it on [A5, X59]', async () => {
    const command = new Child('cat');
    const wrapper = new Child(process.execPath, [fixture('cli-recorder.mjs')]);
    await wrapper.says(/ready/);

    const ending = endAll([victim(command), victim(wrapper, { isWrapper: true })], HANGING);
    await command.exits();
    wrapper.signal('SIGUSR2'); // what came before it was told before
    await wrapper.says(/got SIGUSR2/);

    expect((await wrapper.finish()).stdout.match(/SIG\w+/g)).toEqual(['SIGUSR2']);
    expect((await ending).map(({ outcome }) => outcome)).toEqual(['terminated', 'terminated']);
  });

  it('may belong to another user by now: it is told, the others end, and the holdfast run around it goes on [A4, X59]', async () => {
    needsRoot();
    const [setpriv = '', ...through] = asUser(1001);
    const theirs = new Child(setpriv, [...through, process.execPath, fixture('cli-recorder.mjs')]);
    await theirs.says(/ready/); // only then it has changed users
    const [mine, wrapper] = [new Child('cat'), new Child('cat')];
    const victims = [victim(mine), victim(theirs), victim(wrapper, { isWrapper: true })];
    process.seteuid?.(1002);
    onTestFinished(() => process.seteuid?.(0));

    const ended = await endAll(victims, HANGING);

    process.seteuid?.(0);
    expect(ended.map(({ outcome }) => outcome)).toEqual(['terminated', 'refused', 'alive']);
    theirs.signal('SIGUSR2');
    await theirs.says(/got SIGUSR2/);
    expect(theirs.stdout.match(/SIG\w+/g)).toEqual(['SIGUSR2']);
    wrapper.say('still here');
    await wrapper.line('still here');
  });
});
