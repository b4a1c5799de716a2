import { isExhaustion } from './exhaustion.ts';

/** The platforms that koffi has a build for, of those on which Holdfast knows the kernel's lock. */
const BUILDS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['arm64', 'x64'],
  linux: ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 'x64'],
  win32: ['arm64', 'ia32', 'x64'],
};

/** What helps, in one sentence, and without a full stop. */
const CURE =
  'install koffi where the program runs, and in a bundle keep koffi external (docs/bundling.md of Holdfast)';

/** Node.js' permission model refuses every addon without its flag. */
const ALLOW = 'start Node.js with --allow-addons';

/** The binding cannot be loaded. Its message is one line, for it becomes part of others. */
export class BindingError extends Error {
  /** What to do about it; undefined on a platform that koffi has no build for, where nothing is wrong. */
  readonly cure: string | undefined;
  /** The system's code, where this process was only out of descriptors or memory. */
  readonly lack: string | undefined;

  /** `from`: the file from which it was looked for. `hasBuild`: whether koffi has one for this platform. */
  constructor(from: string | undefined, cause: unknown, hasBuild: boolean) {
    const where = from === undefined ? '' : ` from ${from}`;
    super(`koffi, the binding to the system, cannot be loaded${where} (${firstLine(cause)})`, { cause });
    this.name = 'BindingError';
    const isRefused = (cause as { code?: unknown } | undefined)?.code === 'ERR_DLOPEN_DISABLED';
    this.lack = lackIn(cause);
    this.cure = this.lack !== undefined ? undefined : isRefused ? ALLOW : hasBuild ? CURE : undefined;
  }
}

export function isBuiltFor(platform: NodeJS.Platform, arch: string): boolean {
  return BUILDS[platform]?.includes(arch) === true;
}

/** The system's loader says it in words only. */
function lackIn(cause: unknown): string | undefined {
  const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === 'string' && isExhaustion(code)) return code;
  if (code !== 'ERR_DLOPEN_FAILED') return undefined;
  return /Too many open files/.test(String(message)) ? 'EMFILE' : undefined;
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause ?? 'nowhere to look for it');
  return message.split('\n')[0] as string;
}
