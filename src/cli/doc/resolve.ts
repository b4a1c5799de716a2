import type { Choice } from '../../document/resolver/choose.ts';
import { type Resolved, resolveConflict } from '../../document/resolver/resolve.ts';
import { type Unresolved, unresolvedConflicts } from '../../document/resolver/unresolved.ts';
import { clock, printable, shellWord } from '../../errors/describe.ts';
import { ConflictError } from '../../errors/document-errors.ts';
import { Date } from '../../time/time.ts';
import { exitCodes } from '../exit-codes.ts';
import { codeOfNo, note, print, write } from '../output/text.ts';
import { openPrompt } from '../prompt.ts';
import { exitCodeOf, report } from '../report.ts';
import { askAbout, type Person } from './dialog.ts';
import { exactJson, KINDS, placeText, shortText } from './values.ts';

export interface ResolveFlags {
  readonly ours?: true;
  readonly theirs?: true;
  readonly json?: true;
}

/** `holdfast doc resolve`: exits with 1 when something is left, and with 2 when it failed. */
export async function resolveDocument(file: string, flags: ResolveFlags): Promise<void> {
  try {
    const isDone = await resolveAll(file, flags);
    process.exitCode = isDone ? exitCodes.success : codeOfNo();
  } catch (error) {
    const code = exitCodeOf(error);
    process.exitCode = report(error, flags, code === exitCodes.timeout ? code : exitCodes.unusable);
  }
}

async function resolveAll(file: string, flags: ResolveFlags): Promise<boolean> {
  const all = await unresolvedConflicts(file);
  const choice = flags.ours === true ? 'ours' : flags.theirs === true ? 'theirs' : undefined;
  if (flags.json === true && (choice === undefined || all.length === 0)) {
    print(exactJson({ file, unresolved: all.map(jsonOf) }));
    return all.length === 0;
  }
  if (choice !== undefined) {
    for (const unresolved of all) {
      tellResolved(file, unresolved, await resolveConflict(file, unresolved.file, choice), flags);
    }
  } else if (process.stdin.isTTY && process.stderr.isTTY) {
    const terminal = onTerminal();
    try {
      for (const { file: name } of all) if (!(await resolveOne(file, name, terminal.person))) return false;
    } finally {
      terminal.close();
    }
  } else if (all.length > 0) {
    for (const unresolved of all) list(unresolved);
    note('nothing was written: answer on a terminal, or with --ours or --theirs');
    return false;
  }
  if (all.length === 0 && flags.json !== true) note(`${printable(file)} has no conflicts`);
  return true;
}

/** Asks until every conflict of one conflict file has its answer for the values that are there then. */
async function resolveOne(file: string, name: string, person: Person): Promise<boolean> {
  const answers = new Map<string, Choice>();
  for (;;) {
    const unresolved = (await unresolvedConflicts(file)).find((each) => each.file === name);
    if (unresolved === undefined) return true; // somebody else was faster
    person.tell(`${printable(file)}: ${versionText(unresolved)}`);
    if (!(await askAbout(unresolved, answers, person))) {
      person.tell('nothing was written, and the conflict stays');
      return false;
    }
    try {
      tellResolved(file, unresolved, await resolveConflict(file, name, Object.fromEntries(answers)), {});
      return true;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      person.tell(
        'The document was changed meanwhile. Nothing was written; what is other now is asked again.',
      );
    }
  }
}

function versionText({ conflicts, meta, file }: Unresolved): string {
  const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
  if (meta === undefined) return `${count} with ${printable(file)}`;
  return `${count} with a version of ${printable(meta.who)} that was not saved (${clock(new Date(meta.when))})`;
}

function tellResolved(
  file: string,
  { conflicts, file: name }: Unresolved,
  done: Resolved,
  flags: ResolveFlags,
) {
  if (flags.json === true) {
    print(exactJson({ file, conflict: name, conflicts: conflicts.length, ...withoutUndefined(done) }));
    return;
  }
  const what = done.isWritten ? 'resolved, and written' : 'resolved: the document stays as it is';
  print(`${printable(file)} is ${what}; the version that was not saved is kept as ${printable(done.ours)}`);
  if (!done.isWritten || done.backup === undefined) return;
  const undo = `holdfast doc restore ${shellWord(file)} ${shellWord(done.backup)}`;
  print(`to undo that: ${undo}`);
}

function list(unresolved: Unresolved): void {
  print(versionText(unresolved));
  for (const { text, kind, base, ours, theirs } of unresolved.conflicts) {
    print(`  ${placeText(text)} (${KINDS[kind]})`);
    for (const [side, value] of Object.entries({ before: base, mine: ours, theirs })) {
      print(`    ${side.padEnd(8)}${shortText(value)}`);
    }
  }
}

function jsonOf({ file, meta, conflicts }: Unresolved) {
  return withoutUndefined({ conflict: file, who: meta?.who, when: meta?.when, conflicts });
}

function withoutUndefined(facts: object): object {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

function onTerminal(): { readonly person: Person; readonly close: () => void } {
  const terminal = openPrompt();
  let isClosed = false;
  terminal.on('close', () => {
    isClosed = true;
  });
  const ask = (question: string) =>
    new Promise<string | undefined>((resolve) => {
      if (isClosed) return resolve(undefined);
      const leave = () => resolve(undefined);
      terminal.once('close', leave); // Ctrl-D
      terminal.question(question, (line) => {
        terminal.off('close', leave);
        resolve(line);
      });
    });
  return { person: { ask, tell: (line) => void write(2, `${line}\n`) }, close: () => terminal.close() };
}
