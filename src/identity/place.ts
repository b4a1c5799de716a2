import { hostname } from 'node:os';
import type { HolderRecord } from './holder.ts';
import { machineDigest } from './machine.ts';
import type { ProcessFacts } from './system.ts';

/** Where a process runs: what decides whether a process id of a record can be looked up here. */
export type Place = Pick<HolderRecord, 'machine' | 'host' | 'pidNamespace' | 'timeNamespace'> & {
  /** Empty when the platform cannot tell. */
  readonly boot: string;
};

/** The place of this process, as far as the platform tells. */
export function placeOf(facts: ProcessFacts): Place {
  const machineId = facts.machineId();
  return known({
    boot: facts.bootId(),
    machine: machineId === undefined ? undefined : machineDigest(machineId),
    host: hostname(),
    pidNamespace: facts.pidNamespace(),
    timeNamespace: facts.timeNamespace(),
  });
}

type Known<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: NonNullable<T[K]>;
};

/** The same facts without those that are not known. */
export function known<T extends object>(facts: T): Known<T> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Known<T>;
}
