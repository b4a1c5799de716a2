import { dirname } from 'node:path';
import { clock, duration, printable } from '../../errors/describe.ts';
import type { InaccessibleError } from '../../errors/once-errors.ts';
import { exitCodeIn } from '../../once/command/exit-code.ts';
import { commandOutcomeIn } from '../../once/command/outcome.ts';
import { ttlOf } from '../../once/judgement.ts';
import { knownKeys } from '../../once/known.ts';
import type { OnceRecord } from '../../once/record.ts';
import { projectHere } from '../../once/scope.ts';
import type { OnceState } from '../../once/state.ts';
import type { HistoryLine } from '../../once/store.ts';
import { shortPath, workingDirectory } from '../../storage/working-directory.ts';
import { Date } from '../../time/time.ts';
import { coloursFor } from '../output/colour.ts';
import { printJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { note, print } from '../output/text.ts';
import type { OnceCall } from './options.ts';
import { taskOfCall } from './task.ts';

/** Characters; the whole text is in `--json`. */
const WIDEST_TEXT = 50;

/** `holdfast once ls` */
export function list({ flags }: OnceCall): void {
  const { keys, inaccessible } = knownKeys(flags.directory);
  const states = keys.map(({ state }) => state);
  if (flags.json === true) {
    printJson([...states.map(stateJson), ...inaccessible.map(inaccessibleJson)]);
    return;
  }
  const rows = [...states.map(row), ...inaccessible.map(inaccessibleRow)];
  if (rows.length === 0) print('no run of once is recorded yet');
  else print(table([header(), ...rows]));
  for (const { message } of inaccessible) note(message);
}

function inaccessibleRow({ path }: InaccessibleError): string[] {
  return ['?', coloursFor(1).red('inaccessible'), '', '', '', '', printable(shortPath(dirname(path))), ''];
}

function inaccessibleJson({ path, message }: InaccessibleError) {
  return { id: null, state: 'inaccessible', path, message };
}

function header(): string[] {
  const { bold } = coloursFor(1);
  return ['ID', 'STATE', 'STARTED', 'TOOK', 'EXIT', 'EXPIRES', 'IN', 'COMMAND'].map(bold);
}

function row(state: OnceState): string[] {
  const { green, red, yellow, dim } = coloursFor(1);
  const { command, cwd, started, took, exitCode, expires } = stateJson(state);
  const paint = { done: green, running: yellow, failed: red, dead: red }[state.name as string] ?? dim;
  return [
    `${cut(state.key)}${dim(whereOf(state))}`,
    paint(state.name),
    started === undefined ? '' : clock(new Date(started)),
    took === undefined ? '' : duration(took),
    exitCode === undefined ? '' : String(exitCode),
    expires === undefined
      ? ''
      : expires === null
        ? 'never'
        : `in ${duration(Date.parse(expires) - Date.now())}`,
    cwd === undefined ? '' : cwd === workingDirectory() ? '.' : printable(shortPath(cwd)),
    cut(command),
  ];
}

/** Whose an ID is, unless it is of those that a call here means by itself. */
function whereOf({ project }: OnceState): string {
  if (project === projectHere()) return '';
  return project === null ? ' (user)' : ` (${printable(shortPath(project))})`;
}

function cut(text: string): string {
  const characters = [...printable(text)];
  return characters.length > WIDEST_TEXT
    ? `${characters.slice(0, WIDEST_TEXT - 1).join('')}…`
    : characters.join('');
}

/** A state as `--json` shows it. */
export function stateJson(state: OnceState) {
  const { key, project, name, last, current } = state;
  const outcome = last === undefined || current !== undefined ? undefined : commandOutcomeIn(last);
  const task = current?.task ?? outcome?.task;
  const by = (current ?? last?.header)?.by;
  const shown = current === undefined ? last?.header : undefined;
  const started = current?.started ?? shown?.started;
  const took = current === undefined ? shown?.took : spanOf(state);
  return {
    id: key,
    project,
    state: name,
    command: task?.command.join(' ') ?? by?.command ?? '',
    ...(task === undefined ? {} : { cwd: task.cwd, environment: task.environment }),
    ...(started === undefined ? {} : { started }),
    ...(took === undefined ? {} : { took }),
    ...(shown === undefined ? {} : { finished: shown.finished }),
    ...(last === undefined || current !== undefined || (outcome === undefined && name !== 'failed')
      ? {}
      : { exitCode: exitCodeIn(last) }),
    ...(state.remaining > 0 && current === undefined && last !== undefined
      ? { expires: expiryOf(last, state) }
      : {}),
    ...(by === undefined ? {} : { by }),
  };
}

/** How long a run has taken so far. */
function spanOf({ name, current }: OnceState): number | undefined {
  return name === 'running' && current !== undefined
    ? Math.max(0, Date.now() - Date.parse(current.started))
    : undefined;
}

/** null: never. */
function expiryOf(record: OnceRecord, { remaining }: OnceState): string | null {
  return remaining === Number.POSITIVE_INFINITY
    ? null
    : new Date(Date.parse(record.header.finished) + ttlOf(record)).toISOString();
}

/** `holdfast once history ID` */
export function history(call: OnceCall): void {
  const lines = taskOfCall(call).store.history();
  if (call.flags.json === true) printJson(lines);
  else if (lines.length === 0) print(`${printable(call.id)} has never finished`);
  else print(historyTable(lines));
}

function historyTable(lines: readonly HistoryLine[]): string {
  const { bold, green, red, yellow } = coloursFor(1);
  const paints: Readonly<Record<string, (text: string) => string>> = { success: green, failure: red };
  const rows = lines.map(({ run, started, took, outcome, detail }) => [
    String(run),
    clock(new Date(started)),
    took === undefined ? '' : duration(took),
    (paints[outcome] ?? yellow)(outcome),
    typeof detail === 'number' ? `exit ${detail}` : printable(String(detail ?? '')),
  ]);
  return table([['RUN', 'STARTED', 'TOOK', 'OUTCOME', 'DETAIL'].map(bold), ...rows]);
}
