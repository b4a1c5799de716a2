import { type Command, Option } from 'commander';
import { closeInheritedOf } from '../../command/descriptors.ts';
import { printable } from '../../errors/describe.ts';
import type { LockInfo } from '../../lock/query.ts';
import { breakClaim } from '../break/claim.ts';
import { confirm } from '../break/confirm.ts';
import { endAll } from '../break/end.ts';
import { newcomersTo, type Victim, victimsOf } from '../break/victims.ts';
import { CliError } from '../cli-error.ts';
import { parseDuration } from '../duration.ts';
import { exitCodes } from '../exit-codes.ts';
import { checked, fileOption, nameOption, nonEmpty, withGlobalOptions } from '../options.ts';
import { printJson } from '../output/json.ts';
import { note, print } from '../output/text.ts';
import { cliNameOfWord, type NamingOptions, openManager, targetOfWord } from '../settings.ts';
import { describe } from './who.ts';

interface BreakOptions extends NamingOptions {
  readonly kill?: true;
  readonly claim?: string;
  readonly yes?: true;
  readonly grace: number;
}

const DEFAULT_GRACE = 5_000;
/** How often those who are left are ended at most. */
const ROUNDS = 4;

export function defineBreak(program: Command): void {
  withGlobalOptions(program.command('break'))
    .usage('[options] --kill|--claim ID NAME')
    .summary('end the processes that hold a lock')
    .description(
      'End the processes that hold a lock, after each was checked to be the one that took it: SIGTERM first, SIGKILL ' +
        'to those still alive after the grace period. The lock itself is freed by their end. With --claim, remove the ' +
        'claim of a holder on another machine that is gone for good, which nothing here can prove.',
    )
    .argument('<name>', 'the lock')
    .addOption(nameOption())
    .addOption(fileOption())
    .option('--kill', 'confirms that processes will be ended')
    .addOption(
      new Option('--claim <id>', 'remove this one claim of a portable lock, as told by who')
        .conflicts('kill')
        .argParser(nonEmpty('--claim')),
    )
    .option('-y, --yes', 'do not ask')
    .addOption(
      new Option('--grace <duration>', 'how long to wait after SIGTERM')
        .default(DEFAULT_GRACE, '5s')
        .argParser((word) => checked(() => parseDuration('--grace', word))),
    )
    .action((name: string, _options: BreakOptions, command: Command) =>
      breakLock(name, command.optsWithGlobals<BreakOptions>()),
    );
}

async function breakLock(name: string, options: BreakOptions): Promise<void> {
  const target = targetOfWord(name, options);
  const cliName = cliNameOfWord(name, options);
  const manager = openManager(options);
  if (options.claim !== undefined) {
    await breakClaim(manager, { target, cliName, claim: options.claim, isAsked: options.yes !== true });
    return finish([], manager.inspect(target), cliName, options);
  }
  if (options.kill !== true) {
    throw new CliError(
      exitCodes.failure,
      'HOLDFAST_INPUT',
      'break ends the processes that hold the lock; pass --kill to confirm',
    );
  }
  closeInheritedOf(manager.pathOf(target)); // started below the holder's command: it is not to end itself
  const info = manager.inspect(target);
  if (info.state === 'free') return finish([], info, cliName, options);
  const newcomers = newcomersTo(info);
  const victims = victimsOf(info); // throws for holders that must not be touched
  if (options.json !== true) note(describe(info, cliName));
  if (options.yes !== true && !(await confirm('End this, with the work it is doing?'))) {
    const { resource, path, holders } = info;
    throw new CliError(exitCodes.no, 'HOLDFAST_UNCONFIRMED', 'nothing was done', { resource, path, holders });
  }
  const ended = await endAll(victims, options.grace);
  const known = [...victims];
  const look = () => {
    const left = leftOf(info, manager.inspect(target));
    return [...left, ...newcomers([...known, ...left])];
  };
  let left = look();
  for (let round = 1; round < ROUNDS && left.length > 0; round++) {
    ended.push(...(await endAll(left, options.grace)));
    known.push(...left);
    left = look();
  }
  for (const { title, identity } of left) ended.push({ title, pid: identity.pid, outcome: 'alive' });
  const last = manager.inspect(target);
  finish(ended, last, cliName, options);
  if (isLeft(info, last)) process.exitCode = exitCodes.no;
}

/**
 * Whether a holder that was to end, or somebody who inherited the lock from one, has it still. Where the system lists no
 * lock that was taken by a process that has ended, as in a container, nobody is seen to hold it.
 */
function isLeft(before: LockInfo, { state, holders }: LockInfo): boolean {
  if (state !== 'free' && holders.length === 0) return true;
  const pids = new Set(before.holders.map(({ pid }) => pid));
  return holders.some(({ pid, inherited }) => inherited === true || (pid !== undefined && pids.has(pid)));
}

/** Those who have the lock still from the holders that were to end; none when it is another's. */
function leftOf(before: LockInfo, now: LockInfo): Victim[] {
  const isSame = (holder: LockInfo['holders'][number]) =>
    before.holders.some(({ pid, start }) => pid === holder.pid && start === holder.start);
  if (!now.holders.some(isSame)) return [];
  const holders = now.holders.filter((holder) => holder.inherited === true || isSame(holder));
  try {
    return victimsOf({ ...now, holders });
  } catch {
    return []; // what is left cannot be told for certain: the last look says who holds the lock
  }
}

function finish(
  ended: Awaited<ReturnType<typeof endAll>>,
  info: LockInfo,
  cliName: string,
  { json }: BreakOptions,
): void {
  const survivors = ended.filter(({ outcome }) => outcome === 'alive' || outcome === 'refused');
  if (json === true) {
    printJson({ ...info, ended });
  } else {
    for (const { title, pid, outcome } of ended)
      print(`${printable(title)} (pid ${pid}): ${OUTCOMES[outcome]}`);
    print(describe(info, cliName));
  }
  if (survivors.length > 0) process.exitCode = exitCodes.no;
}

const OUTCOMES = {
  terminated: 'ended by SIGTERM',
  killed: 'ended by SIGKILL',
  gone: 'had ended already',
  refused: 'belongs to another user by now; only that user or root can end it',
  alive: 'is still alive',
};
