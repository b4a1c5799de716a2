import { readFileSync } from 'node:fs';
import { BindingError, native } from '../../binding/index.ts';
import type { Limits } from './limits.ts';

const PR_SET_DUMPABLE = 4;
const RLIMIT_NOFILE = 7;

interface Calls {
  readonly prctl: (option: number, value: number) => number;
  readonly setrlimit: (resource: number, limit: BigUint64Array) => number;
}

let calls: Calls | undefined;

/** Undefined where there is no binding. */
function systemCalls(): Calls | undefined {
  try {
    calls ??= declare();
    return calls;
  } catch (error) {
    if (error instanceof BindingError) return undefined;
    throw error;
  }
}

function declare(): Calls {
  const libc = native().load(null);
  const prctl = libc.func('int prctl(int option, ...)');
  const setrlimit = libc.func('int setrlimit(int resource, const uint64_t *limit)');
  return {
    prctl: (option, value) => prctl(option, 'unsigned long', value) as number,
    setrlimit: (resource, limit) => setrlimit(resource, limit) as number,
  };
}

/** How many descriptors a process may have; undefined where that cannot be read, or has no bound. */
interface DescriptorLimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

function descriptorLimitOf(pid: number | 'self'): DescriptorLimit | undefined {
  try {
    const row = /^Max open files +(\d+) +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'));
    return row === null ? undefined : { soft: BigInt(row[1] ?? 0), hard: BigInt(row[2] ?? 0) };
  } catch {
    return undefined;
  }
}

/** What this process was told to count as its own. */
let adopted: bigint | undefined;

/**
 * The limit that this process was started with. Node.js has raised it before any of its programs can look, so it is taken
 * from the parent, whose hard limit must be the same: else somebody chose limits for this process in between.
 */
function lowered(): { readonly from: DescriptorLimit; readonly to: DescriptorLimit } | undefined {
  const now = descriptorLimitOf('self');
  if (now !== undefined && adopted !== undefined) {
    return adopted < now.soft ? { from: now, to: { ...now, soft: adopted } } : undefined;
  }
  const parent = descriptorLimitOf(process.ppid);
  if (now === undefined || parent === undefined || now.hard !== parent.hard) return undefined;
  return parent.soft < now.soft ? { from: now, to: parent } : undefined;
}

function setDescriptorLimit({ soft, hard }: DescriptorLimit): void {
  systemCalls()?.setrlimit(RLIMIT_NOFILE, new BigUint64Array([soft, hard])); // two of 64 bits on every architecture
}

export const linux: Limits = {
  // More than a limit of 0, which does not keep a core from a program that the system hands cores to.
  forbidCore: () => systemCalls()?.prctl(PR_SET_DUMPABLE, 0) === 0,
  withOwnDescriptorLimit(call) {
    const change = lowered();
    if (change === undefined) return call();
    setDescriptorLimit(change.to);
    try {
      return call();
    } finally {
      setDescriptorLimit(change.from);
    }
  },
  ownDescriptorLimit() {
    const limit = lowered()?.to ?? descriptorLimitOf('self');
    return limit === undefined ? undefined : Number(limit.soft);
  },
  adoptDescriptorLimit(limit) {
    adopted = limit === undefined ? undefined : BigInt(limit);
  },
};
