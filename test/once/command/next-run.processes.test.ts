import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NoResultError } from 'holdfast';
import { OnceCommand, type Sink } from 'holdfast/once';
import { expect, it, onTestFinished } from 'vitest';
import { runKey } from '../../../src/once/command/run-key.ts';
import type { CurrentRun } from '../../../src/once/current.ts';
import { Latch } from '../../support/latch.ts';
import { newHome } from '../../support/place.ts';
import { until } from '../../support/until.ts';

/** Two starts of one command that prints, waits for its gate, and prints again: the second one waits for the first one's run. */
async function startedTwice() {
  const directory = newHome();
  const gate = new Latch(join(directory, 'gate'));
  const words = ['sh', '-c', `echo begun; : < ${gate.path}; echo ended`] as const;
  const { store } = runKey('index', { directory }, words);
  const [first, second] = [1, 2].map(() => new OnceCommand('index', [...words], { directory })) as [
    OnceCommand,
    OnceCommand,
  ];
  expect(await first.start()).toBe('running');
  await until(() => store.current()?.task?.child !== undefined, 'the command runs');
  const current = store.current() as CurrentRun;
  expect(await second.start()).toBe('waiting');
  return { gate, store, current, second };
}

/** A follower's output, as text, with what it is told in between. */
function reader(takes: () => Promise<void> = async () => {}) {
  const seen: unknown[] = [];
  const text = () => seen.filter((each) => typeof each === 'string').join('');
  const sink: Sink = async (chunk) => {
    seen.push(Buffer.from(chunk).toString());
    await takes();
  };
  return { seen, text, sink, onNextRun: (next: unknown) => void seen.push(next) };
}

/** Kills a run: its runner and its command. */
function kill({ by, task }: CurrentRun): void {
  process.kill(by.pid as number, 'SIGKILL');
  process.kill(-(task?.child?.pid as number), 'SIGKILL');
}

const NEXT = { run: 2, after: 1, why: 'died' };

it('who follows in a program is told where the output of the next run begins when one was killed [A11, R82]', async () => {
  const { gate, current, second } = await startedTwice();
  const { seen, text, sink, onNextRun } = reader();
  const following = second.follow(sink, { onNextRun });
  await until(() => text() === 'begun\n', 'the first run is followed');
  kill(current);
  await until(() => text() === 'begun\nbegun\n', 'the second run is followed');
  gate.open();
  expect(await following).toMatchObject({ exitCode: 0 });
  expect(seen).toEqual(['begun\n', NEXT, 'begun\n', 'ended\n']);
});

it('is told so too when the next run is over before it has read the first [A11, R82]', async () => {
  const { gate, store, current, second } = await startedTwice();
  let goOn = () => {};
  const isRead = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { seen, text, sink, onNextRun } = reader(() => isRead);
  const following = second.follow(sink, { onNextRun });
  await until(() => text() === 'begun\n', 'the first run is followed');
  kill(current);
  gate.open();
  await until(() => store.success() !== undefined, 'the next run is over');
  goOn();
  expect(await following).toMatchObject({ exitCode: 0 });
  expect(seen).toEqual(['begun\n', NEXT, 'begun\nended\n']);
});

it('ends with what that throws, and waits for what it promises [A11]', async () => {
  const { gate, store, current, second } = await startedTwice();
  const { seen, text, sink } = reader();
  const following = second.follow(sink, { onNextRun: () => Promise.reject(new Error('enough')) });
  await until(() => text() === 'begun\n', 'the first run is followed');
  kill(current);
  await expect(following).rejects.toThrow('enough');
  expect(seen).toEqual(['begun\n']);
  gate.open();
  await until(() => store.success() !== undefined, 'the next run goes on');
});

it('learns that there is no result when nobody runs it again [A11]', async () => {
  const directory = newHome();
  const command = new OnceCommand('index', ['sh', '-c', 'echo begun; sleep 1000'], { directory });
  await command.start();
  const { store } = runKey('index', { directory });
  const { seen, text, sink, onNextRun } = reader();
  const following = command.follow(sink, { onNextRun });
  await until(() => text() === 'begun\n' && store.current()?.task?.child !== undefined, 'it is followed');
  kill(store.current() as CurrentRun);
  await expect(following).rejects.toBeInstanceOf(NoResultError);
  expect(seen).toEqual(['begun\n']);
});

it('who follows a start that waits behind a run with other inputs gets its own output, and its own end [X58]', async () => {
  const directory = newHome();
  const gate = new Latch(join(directory, 'gate'));
  onTestFinished(() => gate.open());
  const words = ['sh', '-c', `echo $$; : < ${gate.path}; exit 1`] as const;
  const { store } = runKey('index', { directory }, words);
  const [first, second] = ['a', 'b'].map(
    (input) => new OnceCommand('index', [...words], { directory, inputs: [input] }),
  );
  expect(await first?.start()).toBe('running');
  await until(() => store.current()?.task?.child !== undefined, 'the command runs');
  const { task } = store.current() as CurrentRun;
  expect(await second?.start()).toBe('waiting');
  const { text, sink } = reader();

  const following = second?.follow(sink);
  gate.open();

  expect(await following).toMatchObject({ exitCode: 1 });
  expect(text()).toMatch(/^\d+\n$/);
  expect(text()).not.toBe(`${task?.child?.pid}\n`);
});

it('who follows a start that was answered from record gets that outcome, and no later one of other inputs [X58]', async () => {
  const directory = newHome();
  const input = join(directory, 'input');
  const words = ['sh', '-c', `cat ${input}; grep -q a ${input}`] as const;
  const index = () => new OnceCommand('index', [...words], { directory, inputs: [{ file: input }] });
  for (const [content, exitCode] of [
    ['a', 0],
    ['b', 1],
  ] as const) {
    writeFileSync(input, content);
    const command = index();
    await command.start();
    expect(await command.follow(() => {})).toMatchObject({ exitCode });
  }
  writeFileSync(input, 'a');
  const { text, sink } = reader();
  const again = index();
  expect(await again.start()).toBe('finished');
  expect(await again.follow(sink)).toMatchObject({ exitCode: 0 });
  expect(text()).toBe('a');
});
