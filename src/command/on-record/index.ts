import { startAnnounced } from './announced.ts';
import { startHeldBack } from './held-back.ts';
import type { StartOnRecord } from './on-record.ts';

export { identityOf, type Recorder } from './on-record.ts';

export const startOnRecord: StartOnRecord = process.platform === 'win32' ? startAnnounced : startHeldBack;
