import type { Command, CommanderError, Help } from 'commander';

/** What a usage error is about: commander's own errors do not say of which command they are. */
export interface UsageError extends CommanderError {
  readonly command: Command;
}

/** What a code says of these commands; without commands, of all that have nothing else to say of it, and are not excepted. */
interface Meaning {
  readonly of?: readonly string[];
  readonly except?: readonly string[];
  readonly says: string;
}

const RUNNING = ['run', 'once', 'guard'];

const CODES: readonly (readonly [string, ...Meaning[]])[] = [
  ['0', { says: 'success' }, { of: RUNNING, says: "the command's own code, as any other" }],
  [
    '1',
    { of: ['once --peek', 'once --active'], says: 'no' },
    { of: ['once --stop'], says: 'no run of the ID is known' },
    { of: ['fetch'], says: 'a URL failed' },
    { of: ['who'], says: 'the lock is free' },
    { of: ['break'], says: 'not everything was ended' },
    { of: ['clean'], says: 'not everything was removed' },
    { of: ['rules check', 'doctor', 'cache verify'], says: 'something was found' },
    { of: ['cache path', 'cache rm'], says: 'no such entry' },
    { of: ['doc'], says: 'the file, the path or the backup is not there, or the file is damaged' },
    { of: ['doc merge', 'doc resolve'], says: 'conflicts' },
  ],
  [
    '2',
    { of: ['doc merge'], says: 'a file cannot be read or is not JSON, or an option is wrong' },
    { of: ['doc resolve'], says: 'it failed' },
  ],
  [
    '75',
    { of: ['run'], says: 'the lock is busy, with --no-wait' },
    { of: ['guard'], says: 'the lock is busy, and its rule says not to wait' },
  ],
  [
    '124',
    { of: ['run', 'guard', 'wait'], says: 'the lock was not free within --timeout' },
    { of: ['once'], says: 'the run of another was not over within --timeout' },
    { of: ['fetch'], says: 'the fetch of another was not over within --timeout' },
    {
      of: ['cache verify', 'cache rm', 'doc set', 'doc restore', 'doc resolve'],
      says: 'the lock was not free in time',
    },
  ],
  ['125', { except: ['doc merge'], says: 'holdfast itself failed: bad usage, no lock available' }],
  [
    '126',
    { of: ['run', 'once'], says: 'the command cannot be executed' },
    { of: ['guard'], says: 'the command cannot be executed, or has no rule where that is refused' },
  ],
  ['127', { of: RUNNING, says: 'the command was not found' }],
  [
    '128 + n',
    {
      of: RUNNING,
      says: 'the command died of signal n; of INT, TERM, HUP, QUIT, USR1, USR2 and PIPE, holdfast dies as well',
    },
  ],
];
const WIDTH = '128 + n'.length;

/** What every `--help` ends with: the codes of this command, or of all. */
export function exitCodeHelp(command: Command, help: Help): string {
  const path = pathOf(command);
  const rows = CODES.flatMap(([code, ...meanings]) => {
    const said = path === '' ? meanings.map(labelled).join('; ') : meaningFor(path, meanings);
    return said === undefined ? [] : [help.formatItem(code, WIDTH, said, help)];
  });
  return ['', 'Exit codes:', ...rows].join('\n');
}

/** `doc set`; of the program itself, nothing. */
export function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${pathOf(parent)} ${command.name()}`.trim();
}

function labelled({ of, says }: Meaning): string {
  return of === undefined ? says : `${of.join(', ')}: ${says}`;
}

/** The most that is said of this very command, or what is said of each of those below it. */
function meaningFor(path: string, meanings: readonly Meaning[]): string | undefined {
  const isAt = (name: string) => `${path} `.startsWith(`${name} `);
  const length = ({ of = [] }: Meaning) => Math.max(0, ...of.filter(isAt).map((name) => name.length));
  const below = meanings.flatMap(({ of = [], says }) => {
    const names = of.filter((name) => name.startsWith(`${path} `)).map((name) => name.slice(path.length + 1));
    return names.length === 0 ? [] : [`${names.join(', ')}: ${says}`];
  });
  const own = meanings
    .filter(({ of, except = [] }) => (of === undefined ? !except.includes(path) : of.some(isAt)))
    .sort((a, b) => length(b) - length(a))[0];
  const all = [...(own === undefined ? [] : [own.says]), ...below];
  return all.length === 0 ? undefined : all.join('; ');
}
