// What tests of POSIX programs take for granted, made of what Windows has: SIGSTOP and SIGCONT for process.kill. And what
// Windows has and Wine has not. Loaded before the tests, in their process only.
import { createRequire } from 'node:module';
import { Socket } from 'node:net';

// Wine 8 does not know TCP_KEEPALIVE, at which a connection fails that is told of it before it is made.
Socket.prototype.setKeepAlive = function () {
  return this;
};

const koffi = createRequire(import.meta.url)('@koromix/koffi-win32-x64');
const kernel = koffi.load('kernel32.dll');
const ntdll = koffi.load('ntdll.dll');
const openProcess = kernel.func('intptr_t __stdcall OpenProcess(uint32_t access, int inherit, uint32_t pid)');
const closeHandle = kernel.func('int __stdcall CloseHandle(intptr_t handle)');
const PROCESS_SUSPEND_RESUME = 0x800;

/** @type {Record<string, (process: number) => number>} */
const calls = {
  SIGSTOP: ntdll.func('int32_t __stdcall NtSuspendProcess(intptr_t process)'),
  SIGCONT: ntdll.func('int32_t __stdcall NtResumeProcess(intptr_t process)'),
};

const kill = process.kill.bind(process);

process.kill = (pid, signal) => {
  const call = calls[String(signal)];
  if (call === undefined) return kill(pid, signal);
  const handle = openProcess(PROCESS_SUSPEND_RESUME, 0, pid);
  if (handle === 0) throw Object.assign(new Error(`kill ESRCH ${pid}`), { code: 'ESRCH' });
  const status = call(handle);
  closeHandle(handle);
  if (status !== 0) throw new Error(`process ${pid}: ${signal} failed with ${status}`);
  return true;
};
