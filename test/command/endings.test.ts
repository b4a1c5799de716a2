import 'node:child_process'; // which starts the commands
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { type Ending, startCommand, whenEnded } from '../../src/command/start.ts';
import { within } from '../support/deadline.ts';

/** They stop, or mean nothing to who does not handle them. */
const NO_END = ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT', 'SIGCHLD', 'SIGWINCH', 'SIGURG'];
const SIDE_BY_SIDE = 16;

function endOf(script: string): Promise<Ending> {
  const words = ['sh', '-c', `ulimit -c 0; ${script}`] as const;
  const command = startCommand({
    words,
    env: process.env,
    stdio: ['ignore', 'ignore', 'ignore'],
    descriptors: [],
  });
  return within(new Promise((resolve) => whenEnded(command, resolve)), `the end of ${script}`);
}

async function endsOf(scripts: readonly string[]): Promise<Ending[]> {
  const ends: Ending[] = [];
  for (let at = 0; at < scripts.length; at += SIDE_BY_SIDE) {
    ends.push(...(await Promise.all(scripts.slice(at, at + SIDE_BY_SIDE).map(endOf))));
  }
  return ends;
}

it('every exit code of a command is told as it is [X37, A5]', async () => {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  const ends = await endsOf(codes.map((code) => `exit ${code}`));
  expect(ends).toEqual(codes.map((code) => ({ code, signal: undefined })));
});

it('every signal of which a command dies is told by its name [X37, A5]', async () => {
  const names = new Map(Object.entries(constants.signals).map(([name, n]) => [n, name])); // one name a number
  const deaths = [...names].filter(([, name]) => !NO_END.includes(name));
  const ends = await endsOf(deaths.map(([n]) => `kill -${n} $$`));
  const told = ends.map((end) =>
    'signal' in end ? constants.signals[end.signal as NodeJS.Signals] : undefined,
  );
  expect(told).toEqual(deaths.map(([n]) => n));
});

it('a death by a real-time signal is told as an end with 0, for Node.js does not tell it from that [X37]', async () => {
  expect(await endsOf(['kill -40 $$'])).toEqual([{ code: 0, signal: undefined }]);
});
