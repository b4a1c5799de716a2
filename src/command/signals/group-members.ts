import { systemCode } from '../../errors/base.ts';
import { processFacts } from '../../identity/index.ts';

/**
 * Whether a process group lives on without its leader, which was seen to end. The system gives the id to no
 * new process while the group has members; so one that has it by now leads another group, and this one has gone.
 */
export function outlivesLeader(group: number): boolean {
  const all = processFacts.processIds();
  if (all.length === 0) return exists(group);
  if (processFacts.look(group)?.isZombie === false) return false;
  return all.some((pid) => processFacts.groupOf(pid) === group && processFacts.look(pid)?.isZombie === false);
}

/** For systems that do not list processes. */
function exists(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
