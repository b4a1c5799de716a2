import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { LockRequest } from '../../../src/engine/engine.ts';
import { Entry, entryName } from '../../../src/engine/kernel/entry.ts';
import type { HolderRecord } from '../../../src/identity/holder.ts';

/** The ticket of a living waiter that this record names, which has waited since the machine was started. */
export function leaveOldTicket(request: LockRequest, holder: HolderRecord): void {
  const ticket = Entry.leave(request, 'exclusive', holder);
  if (ticket === undefined) throw new Error('No ticket could be left');
  onTestFinished(() => ticket.remove());
  renameSync(ticket.path, join(dirname(ticket.path), entryName('exclusive', 1n)));
}
