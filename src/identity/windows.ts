import { hostname } from 'node:os';
import { native } from '../binding/index.ts';
import { machineDigest } from './machine.ts';
import type { ProcessFacts } from './system.ts';

const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
const SYNCHRONIZE = 0x10_0000;
const WAIT_OBJECT_0 = 0;
const HKEY_LOCAL_MACHINE = 0x8000_0002;
const RRF_RT_REG_SZ = 0x2;
const RRF_SUBKEY_WOW6464KEY = 0x1_0000;

const SYSTEM_TIME_OF_DAY_INFORMATION = 3;
const TIME_OF_DAY_BYTES = 48;
const BOOT_TIME = 0;
const BOOT_TIME_BIAS = 32;

type Call = (...values: unknown[]) => number;

interface Calls {
  readonly openProcess: Call;
  readonly closeHandle: Call;
  readonly getProcessId: Call;
  readonly getProcessTimes: Call;
  readonly waitForSingleObject: Call;
  readonly regGetValue: Call;
  readonly querySystemInformation: Call;
}

let loaded: Calls | undefined;

function calls(): Calls {
  if (loaded === undefined) {
    const koffi = native();
    const kernel = koffi.load('kernel32.dll');
    loaded = {
      openProcess: kernel.func('intptr_t __stdcall OpenProcess(uint32_t access, int inherit, uint32_t pid)'),
      closeHandle: kernel.func('int __stdcall CloseHandle(intptr_t handle)'),
      getProcessId: kernel.func('uint32_t __stdcall GetProcessId(intptr_t process)'),
      getProcessTimes: kernel.func(
        'int __stdcall GetProcessTimes(intptr_t process, void *created, void *ended, void *kernel, void *user)',
      ),
      waitForSingleObject: kernel.func(
        'uint32_t __stdcall WaitForSingleObject(intptr_t handle, uint32_t ms)',
      ),
      regGetValue: koffi
        .load('advapi32.dll')
        .func(
          'int32_t __stdcall RegGetValueA(uintptr_t key, const char *path, const char *name, uint32_t flags, void *type, void *into, void *size)',
        ),
      querySystemInformation: koffi
        .load('ntdll.dll')
        .func('int32_t __stdcall NtQuerySystemInformation(int what, void *into, uint32_t size, void *used)'),
    };
  }
  return loaded;
}

/** Nothing is known where the binding or a call is missing. */
function tried<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** What `look` finds at a process; undefined when there is none of this id, or it may not be looked at. */
function withProcess<T>(pid: number, look: (process: number) => T): T | undefined {
  return tried(() => {
    const { openProcess, closeHandle, getProcessId } = calls();
    const handle = openProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, 0, pid);
    if (handle === 0) return undefined;
    try {
      return getProcessId(handle) === pid ? look(handle) : undefined; // ids are rounded down to a multiple of four
    } finally {
      closeHandle(handle);
    }
  });
}

function machineGuid(): string | undefined {
  const text = Buffer.alloc(128);
  const size = Uint32Array.of(text.length);
  const flags = RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY;
  const path = 'SOFTWARE\\Microsoft\\Cryptography';
  const status = tried(() =>
    calls().regGetValue(HKEY_LOCAL_MACHINE, path, 'MachineGuid', flags, null, text, size),
  );
  const guid = text.toString('latin1', 0, text.indexOf(0));
  return status === 0 && guid !== '' ? guid.toLowerCase() : undefined;
}

/**
 * When the kernel started, in 100 ns. Setting the clock moves the boot time that Windows tells and, by the same amount,
 * its bias, so that the difference stays what it was at the boot.
 */
function bootTime(): bigint | undefined {
  const into = Buffer.alloc(TIME_OF_DAY_BYTES);
  const used = Uint32Array.of(0);
  const status = tried(() =>
    calls().querySystemInformation(SYSTEM_TIME_OF_DAY_INFORMATION, into, into.length, used),
  );
  if (status !== 0 || used[0] !== TIME_OF_DAY_BYTES) return undefined;
  return into.readBigInt64LE(BOOT_TIME) - into.readBigInt64LE(BOOT_TIME_BIAS);
}

export const windows: ProcessFacts = {
  // Machines can be started at the same instant, so the time alone does not name a boot; nor does a cloned GUID.
  bootId: () => {
    const [guid, time] = [machineGuid(), bootTime()];
    if (guid === undefined || time === undefined || time <= 0n) return '';
    return `${time.toString(16)}-${machineDigest(guid, hostname())}`;
  },
  machineId: machineGuid,
  pidNamespace: () => undefined,
  timeNamespace: () => undefined,
  startClock: 'calendar',
  look: (pid) =>
    withProcess(pid, (process) => {
      const [created, ended, kernel, user] = [0, 0, 0, 0].map(() => new BigUint64Array(1));
      if (calls().getProcessTimes(process, created, ended, kernel, user) === 0) return undefined;
      // An ended process keeps its id for as long as somebody has a handle of it.
      const isZombie = calls().waitForSingleObject(process, 0) === WAIT_OBJECT_0;
      return { start: String(created?.[0]), isZombie };
    }),
  isStopped: () => undefined,
  processIds: () => [],
  parentOf: () => undefined,
  groupOf: () => undefined,
  innerId: () => undefined,
  commandOf: () => undefined,
};
