import { createHmac } from 'node:crypto';

const DIGITS = 16;

/**
 * A machine id as records show it: 64 bits of an HMAC keyed with it, because the id itself is not for everybody to see
 * who can read a lock file (machine-id(5)).
 */
export function machineDigest(machineId: string, about = ''): string {
  return createHmac('sha256', machineId).update(`holdfast\0${about}`).digest('hex').slice(0, DIGITS);
}
