import { constants } from 'node:fs';
import koffi from 'koffi';

// What the fastest possible lock of this kind costs: the bare system calls through the same binding as Holdfast's.

const LOCK_EXCLUSIVE_NONBLOCKING = 2 | 4;
const O_CLOEXEC = 0o2000000;
const FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC;
const IN_CLOSE_WRITE = 0x008;
const IN_CLOEXEC_NONBLOCK = O_CLOEXEC | constants.O_NONBLOCK;

const libc = koffi.load(null);
const open = libc.func('int open(uintptr_t path, int flags)');
const flock = libc.func('int flock(int fd, int operation)');
const close = libc.func('int close(int fd)');

/** Addresses do not keep memory alive, so this does. @type {Buffer[]} */
const kept = [];

/** @param {number} size */
function memory(size) {
  const buffer = Buffer.from(new ArrayBuffer(Math.max(128, size)));
  kept.push(buffer);
  return buffer;
}

/** open, flock, close on an existing file; the path is encoded once. @param {string} path */
export function bareCycle(path) {
  const text = memory(Buffer.byteLength(path) + 1);
  text.write(`${path}\0`);
  const address = koffi.address(text);
  return () => {
    const fd = open(address, FLAGS);
    if (fd < 0 || flock(fd, LOCK_EXCLUSIVE_NONBLOCKING) !== 0) throw new Error(`no bare lock on ${path}`);
    close(fd);
  };
}

/** One try for an exclusive flock on an open descriptor. @param {number} fd */
export function bareTry(fd) {
  return flock(fd, LOCK_EXCLUSIVE_NONBLOCKING) === 0;
}

/**
 * Calls back when anybody closes the file after writing: the shortest way from another process's close(2) into
 * JavaScript. Returns the function that ends it.
 *
 * @param {string} path @param {() => void} onClose
 */
export function onBareClose(path, onClose) {
  const init = libc.func('int inotify_init1(int flags)');
  const add = libc.func('int inotify_add_watch(int fd, const char *path, uint32_t mask)');
  const read = libc.func('intptr_t read(int fd, uintptr_t buffer, size_t count)');
  const buffer = memory(4096);
  const address = koffi.address(buffer);
  const fd = init(IN_CLOEXEC_NONBLOCK);
  if (fd < 0 || add(fd, path, IN_CLOSE_WRITE) < 0) throw new Error('no inotify watch available');
  const poll = koffi.node.poll(fd, { readable: true }, () => {
    onClose();
    while (read(fd, address, buffer.length) > 0);
  });
  return () => {
    poll.close();
    close(fd);
  };
}
