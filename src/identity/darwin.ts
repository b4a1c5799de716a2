import { native } from '../binding/index.ts';
import type { ProcessFacts } from './system.ts';

// sysctl(3): CTL_KERN, KERN_PROC, KERN_PROC_PID answers with one struct kinfo_proc, which starts so on every 64-bit Mac.
const [CTL_KERN, KERN_PROC, KERN_PROC_PID] = [1, 14, 1];
const KINFO_BYTES = 1024; // 648 of them are used
const START_SECONDS = 0;
const START_MICROSECONDS = 8;
const STATE = 36;
const PID = 40;
const STOPPED = 4; // SSTOP
const ZOMBIE = 5; // SZOMB

const UUID_BYTES = 16;

interface Calls {
  readonly sysctl: (
    mib: Int32Array,
    depth: number,
    into: Buffer,
    size: BigUint64Array,
    from: null,
    length: number,
  ) => number;
  readonly sysctlbyname: (
    name: string,
    into: Buffer,
    size: BigUint64Array,
    from: null,
    length: number,
  ) => number;
  readonly gethostuuid: (into: Buffer, wait: BigInt64Array) => number;
}

let loaded: Calls | undefined;

function calls(): Calls {
  if (loaded === undefined) {
    const libc = native().load(null);
    loaded = {
      sysctl: libc.func(
        'int sysctl(void *name, unsigned int depth, void *into, void *size, void *from, size_t length)',
      ),
      sysctlbyname: libc.func(
        'int sysctlbyname(const char *name, void *into, void *size, void *from, size_t length)',
      ),
      gethostuuid: libc.func('int gethostuuid(void *into, void *wait)'),
    };
  }
  return loaded;
}

/** The process's struct kinfo_proc; undefined when there is no such process. */
function lookUp(pid: number): Buffer | undefined {
  const info = Buffer.alloc(KINFO_BYTES);
  const size = BigUint64Array.of(BigInt(KINFO_BYTES));
  const name = Int32Array.of(CTL_KERN, KERN_PROC, KERN_PROC_PID, pid);
  const found = tried(() => calls().sysctl(name, name.length, info, size, null, 0)) === 0 && size[0] !== 0n;
  return found && info.readInt32LE(PID) === pid ? info : undefined;
}

function tried(call: () => number): number {
  try {
    return call();
  } catch {
    return -1; // no binding on this machine, so nothing is known
  }
}

export const darwin: ProcessFacts = {
  bootId: () => {
    const text = Buffer.alloc(64);
    const size = BigUint64Array.of(BigInt(text.length));
    const failed = tried(() => calls().sysctlbyname('kern.bootsessionuuid', text, size, null, 0)) !== 0;
    return failed ? '' : text.toString('latin1', 0, text.indexOf(0));
  },
  machineId: () => {
    const uuid = Buffer.alloc(UUID_BYTES);
    const atOnce = BigInt64Array.of(0n, 0n);
    const failed = tried(() => calls().gethostuuid(uuid, atOnce)) !== 0;
    return failed ? undefined : uuid.toString('hex');
  },
  pidNamespace: () => undefined,
  timeNamespace: () => undefined,
  startClock: 'calendar',
  look: (pid) => {
    const info = lookUp(pid);
    if (info === undefined) return undefined;
    const microseconds = String(info.readInt32LE(START_MICROSECONDS)).padStart(6, '0');
    const start = `${info.readBigInt64LE(START_SECONDS)}${microseconds}`;
    return { start, isZombie: info[STATE] === ZOMBIE };
  },
  isStopped: (pid) => {
    const state = lookUp(pid)?.[STATE];
    return state === undefined ? undefined : state === STOPPED;
  },
  processIds: () => [],
  parentOf: () => undefined,
  groupOf: () => undefined,
  innerId: () => undefined,
  commandOf: () => undefined,
};
