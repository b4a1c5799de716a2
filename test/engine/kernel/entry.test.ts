import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import {
  Entry,
  type EntryName,
  entryKinds,
  entryName,
  ForeignEntry,
  listEntries,
  parseName,
  queueDirectory,
  readEntries,
} from '../../../src/engine/kernel/entry.ts';
import { syscalls } from '../../../src/engine/kernel/syscalls/index.ts';
import { self } from '../../../src/identity/self.ts';
import { requestFor } from '../harness.ts';
import { afterEvery, before } from './between.ts';
import { acquire, newPath } from './counters.ts';

/** A ticket's name in the queue of a lock, whose file is still to be made. */
function newTicket(lockPath: string): EntryName {
  const queue = queueDirectory(lockPath);
  mkdirSync(queue, { recursive: true });
  return parseName(queue, entryName('exclusive')) as EntryName;
}

it('a ticket that is taken for a dead one’s before its owner could lock it is replaced by another [X56, R7]', () => {
  const request = requestFor(newPath());
  before('lock', () => expect(readEntries(request.path, entryKinds)).toEqual([]));

  const entry = Entry.leave(request, 'exclusive', self());

  onTestFinished(() => entry?.remove());
  expect(entry?.isListed).toBe(true);
  expect(listEntries(request.path).map(({ name }) => name)).toEqual([entry?.name]);
});

it('a dead one’s ticket that somebody else looks at just now is not taken for a living one’s [R81, R46]', () => {
  const request = requestFor(newPath());
  const living = Entry.leave(request, 'exclusive', self());
  onTestFinished(() => living?.remove());
  const dead = newTicket(request.path);
  writeFileSync(dead.path, readFileSync(String(living?.path)));
  const looker = openSync(dead.path, 'r');
  onTestFinished(() => closeSync(looker));
  expect(syscalls().lock(looker, 'shared')).toBe(0); // as whoever looks does for an instant

  expect(readEntries(request.path, entryKinds).map(({ entry }) => entry.name)).toEqual([living?.name]);
});

it('a ticket that comes to life while it is cleared away as a dead one’s stays, or its owner knows [R7]', () => {
  const ticket = newTicket(newPath());
  const fd = openSync(ticket.path, 'wx+'); // as its owner made it, who is about to lock it
  onTestFinished(() => closeSync(fd));
  let isOwned = false;
  afterEvery(['lock'], () => {
    isOwned ||= syscalls().lock(fd, 'exclusive') === 0 && fstatSync(fd).nlink === 1;
  });

  ForeignEntry.open(ticket)?.close();

  expect(existsSync(ticket.path)).toBe(isOwned);
});

it('what the dead left in a queue is cleared away, and nothing that is not Holdfast’s [R45, R66]', () => {
  const path = newPath();
  const [dead, foreign] = [newTicket(path), newTicket(path)];
  writeFileSync(dead.path, 'holdfast-lock 1\nstate held\n');
  writeFileSync(foreign.path, 'precious');

  acquire(path);

  expect(existsSync(dead.path)).toBe(false);
  expect(readFileSync(foreign.path, 'utf8')).toBe('precious');
});
