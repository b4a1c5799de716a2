import { statSync } from 'node:fs';
import { explainChoice } from '../../engine/index.ts';
import { unsafeDirectory } from '../../storage/directory.ts';
import { describeFileSystem, fileSystemOf } from '../../storage/file-system/index.ts';
import { attempt, type Check } from './check.ts';

type Finding = Omit<Check, 'name'>;

/** Which engine locks here, and what for. */
export interface Decision {
  readonly engine: string;
  readonly contract: string;
  readonly why: string;
}

/** What an automatic choice comes to, unless the locks that were really taken had another contract. */
export function decide(directory: string, contract: string | undefined): Decision {
  const choice = explainChoice(directory);
  if (contract === undefined || contract === choice.contract) return choice;
  const engine = contract === 'kernel' ? 'kernel' : 'portable';
  return { engine, contract, why: 'an environment variable of Holdfast says so (HOLDFAST_ENGINE)' };
}

const WORTH: Readonly<Record<string, string>> = {
  kernel: 'freed by the operating system the moment its holder dies',
  claim: "freed on proof of the holder's death",
};

export function explainDecision({ engine, contract, why }: Decision): Check[] {
  const worth = `${contract}: a lock is ${WORTH[contract] ?? 'freed by time'}`;
  if (contract === 'kernel') {
    return [
      { name: 'engine', mark: 'ok', says: `${engine}: ${why}` },
      { name: 'contract', mark: 'ok', says: worth },
    ];
  }
  const next =
    "It excludes as surely. Who wants the kernel's contract or no lock says require: 'kernel' (HOLDFAST_REQUIRE).";
  return [
    { name: 'engine', mark: 'warn', says: `${engine}: ${why}` },
    { name: 'contract', mark: 'warn', says: worth, next },
  ];
}

/** What can be seen without making a file. */
export async function checkSurroundings(directory: string): Promise<Check[]> {
  return [
    await attempt('file system', () => fileSystem(directory)),
    await attempt('safety', () => safety(directory)),
  ];
}

function fileSystem(directory: string): Finding {
  const found = fileSystemOf(directory);
  if (found.reach !== 'network') {
    return {
      mark: 'ok',
      says: found.reach === 'local' ? `${found.type}, of this machine alone` : `of the type ${found.type}`,
    };
  }
  const next = 'Other machines may reach it. All of them must use Holdfast, and the same engine.';
  return { mark: 'warn', says: describeFileSystem(found), next };
}

function safety(directory: string): Finding {
  const problem = unsafeDirectory(directory);
  if (problem !== undefined) {
    const next =
      "Take the others' right to write away (chmod o-w), or set the sticky bit as its owner or root (chmod +t).";
    return { mark: 'fail', says: `${directory} ${problem}`, next };
  }
  const { mode, uid } = statSync(directory);
  const owner = uid === process.getuid?.() ? 'this user' : uid === 0 ? 'root' : `user id ${uid}`;
  const says = `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, owned by ${owner}`;
  return { mark: 'ok', says: process.getuid === undefined ? 'as its access rights say' : says };
}
