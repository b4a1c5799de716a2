import type { PortableLock } from './lock.ts';

export function tidyOnce(_lock: PortableLock): void {}
