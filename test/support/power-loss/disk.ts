import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Change } from './changes.ts';

interface Image {
  readonly bytes: Buffer;
  readonly mode: number;
  /** Microseconds; undefined for one that nobody has set. */
  readonly time: number | undefined;
}

interface FileNode {
  readonly kind: 'file';
  now: Image;
  /** As it was at its last sync. */
  synced: Image;
}

interface DirectoryNode {
  readonly kind: 'directory';
  /** As it was at first: on the disk. */
  readonly before: ReadonlyMap<string, Node>;
  readonly now: Map<string, Node>;
}

type Node = FileNode | DirectoryNode;

/** A name that is given or taken away. */
interface Edit {
  readonly directory: DirectoryNode;
  readonly name: string;
  readonly node: Node | undefined;
  /** The old name of what was renamed does not go before the new one is there; of an exchange, each needs the other. */
  needs: Edit | undefined;
  isSynced: boolean;
}

/** What becomes of bytes, mode and time that were not synced. */
const LOSSES = ['nothing', 'everything', 'half of the bytes', 'everything but the length'] as const;
type Loss = (typeof LOSSES)[number];

/** Up to so many names that are not synced, every choice of them is tried. */
const MOST_FOR_ALL = 6;
/** Of more, two that differ from the rest, and not one. */
const TWO_AT_A_TIME = process.env.HOLDFAST_CACHE_SWEEP === 'all';
const EMPTY: Image = { bytes: Buffer.alloc(0), mode: 0o600, time: undefined };

/** Files that a power loss may leave; the text is the same for two that are the same. */
export interface Remains {
  readonly text: string;
  readonly loss: Loss;
  readonly files: ReadonlyMap<string, Image | 'directory'>;
}

/**
 * A directory on a disk that keeps no promise but that of `fsync`: what was synced stands. Of names that were not synced,
 * any may be missing, or still be there, whatever came after them; of a file, its mode, its time and its bytes.
 */
export class Disk {
  readonly #root: DirectoryNode;
  readonly #edits: Edit[] = [];

  /** Starts with what a directory holds, all of it synced. */
  constructor(directory: string) {
    this.#root = readDirectory(directory);
  }

  apply(change: Change): void {
    switch (change.call) {
      case 'create': {
        const there = this.#find(change.path);
        if (there === undefined) {
          const now = { ...EMPTY, mode: change.mode };
          this.#name(change.path, { kind: 'file', now, synced: EMPTY });
        } else if (change.empties) this.#change(change.path, { bytes: EMPTY.bytes });
        return;
      }
      case 'write': {
        const { bytes } = this.#file(change.path).now;
        const { at = bytes.length } = change;
        const longer = Buffer.alloc(Math.max(bytes.length, at + change.bytes.length));
        bytes.copy(longer);
        change.bytes.copy(longer, at);
        this.#change(change.path, { bytes: longer });
        return;
      }
      case 'truncate': {
        const resized = Buffer.alloc(change.size);
        this.#file(change.path).now.bytes.copy(resized);
        this.#change(change.path, { bytes: resized });
        return;
      }
      case 'mode':
        this.#change(change.path, { mode: change.mode });
        return;
      case 'time':
        this.#change(change.path, { time: change.time });
        return;
      case 'sync':
        this.#sync(change.path);
        return;
      case 'mkdir':
        this.#name(change.path, { kind: 'directory', before: new Map(), now: new Map() });
        return;
      case 'unlink':
      case 'rmdir':
        this.#name(change.path, undefined);
        return;
      case 'exchange': {
        const [one, other] = [this.#find(change.path), this.#find(change.to)];
        const given = this.#name(change.to, one);
        given.needs = this.#name(change.path, other, given);
        return;
      }
      case 'link':
      case 'rename': {
        const node = this.#find(change.path);
        const given = this.#name(change.to, node);
        if (change.call === 'rename') this.#name(change.path, undefined, given);
      }
    }
  }

  /** Everything that a power loss may leave now. */
  *remains(): Generator<Remains> {
    for (const chosen of this.#choices()) {
      const names = new Map<DirectoryNode, Map<string, Node>>();
      const namesOf = (directory: DirectoryNode) => {
        const known = names.get(directory) ?? new Map(directory.before);
        names.set(directory, known);
        return known;
      };
      for (const { directory, name, node } of chosen) {
        if (node === undefined) namesOf(directory).delete(name);
        else namesOf(directory).set(name, node);
      }
      for (const loss of LOSSES) {
        const files = new Map<string, Image | 'directory'>();
        const hash = createHash('sha256');
        const collect = (directory: DirectoryNode, path: string) => {
          for (const [name, node] of [...namesOf(directory)].sort(([a], [b]) => (a < b ? -1 : 1))) {
            const at = join(path, name);
            const image = node.kind === 'directory' ? 'directory' : imageAfter(node, loss);
            files.set(at, image);
            hash.update(
              `${at}\0${image === 'directory' ? image : `${image.mode} ${image.time} ${image.bytes.length}`}\0`,
            );
            if (image !== 'directory') hash.update(image.bytes);
            if (node.kind === 'directory') collect(node, at);
          }
        };
        collect(this.#root, '');
        yield { text: hash.digest('hex'), loss, files };
      }
    }
  }

  *#choices(): Generator<readonly Edit[]> {
    const pending = this.#edits.filter(({ isSynced }) => !isSynced);
    for (const dropped of drops(pending)) {
      const chosen = this.#edits.filter((each) => !dropped.has(each));
      if (chosen.every(({ needs }) => needs === undefined || !dropped.has(needs))) yield chosen;
    }
  }

  #sync(path: string): void {
    const node = this.#find(path);
    if (node?.kind === 'file') node.synced = node.now;
    const keep = (edit: Edit) => {
      edit.isSynced = true;
      if (edit.needs?.isSynced === false) keep(edit.needs);
    };
    for (const edit of this.#edits) if (edit.directory === node) keep(edit);
  }

  #name(path: string, node: Node | undefined, needs?: Edit): Edit {
    const directory = this.#find(dirname(path));
    if (directory?.kind !== 'directory') throw new Error(`No directory of ${path} is known`);
    const edit = { directory, name: basename(path), node, needs, isSynced: false };
    if (node === undefined) directory.now.delete(edit.name);
    else directory.now.set(edit.name, node);
    this.#edits.push(edit);
    return edit;
  }

  #change(path: string, to: Partial<Image>): void {
    const file = this.#file(path);
    file.now = { ...file.now, ...to };
  }

  #file(path: string): FileNode {
    const node = this.#find(path);
    if (node?.kind !== 'file') throw new Error(`No file ${path} is known`);
    return node;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter((each) => each !== '' && each !== '.')) {
      node = node?.kind === 'directory' ? node.now.get(name) : undefined;
    }
    return node;
  }
}

/** Makes a directory of what is left. */
export function restore({ files }: Remains, directory: string): void {
  mkdirSync(directory, { mode: 0o700 });
  for (const [path, image] of files) {
    const at = join(directory, path);
    if (image === 'directory') mkdirSync(at, { mode: 0o700 });
    else {
      writeFileSync(at, image.bytes);
      chmodSync(at, image.mode);
      const seconds = image.time === undefined ? undefined : (image.time + 0.5) / 1e6; // what is cut off is not a microsecond
      if (seconds !== undefined) utimesSync(at, seconds, seconds);
    }
  }
}

function readDirectory(path: string): DirectoryNode {
  const names = new Map<string, Node>();
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const at = join(path, entry.name);
    names.set(entry.name, entry.isDirectory() ? readDirectory(at) : readFile(at));
  }
  return { kind: 'directory', before: names, now: new Map(names) };
}

function readFile(path: string): FileNode {
  const { mode, mtimeMs } = lstatSync(path);
  const image = { bytes: readFileSync(path), mode: mode & 0o777, time: Math.floor(mtimeMs * 1000 + 0.001) };
  return { kind: 'file', now: image, synced: image };
}

function imageAfter({ now, synced }: FileNode, loss: Loss): Image {
  if (loss === 'nothing' || now === synced) return now;
  if (loss === 'everything') return synced;
  if (now.bytes.equals(synced.bytes)) return now;
  if (loss === 'half of the bytes') {
    return { ...now, bytes: now.bytes.subarray(0, Math.floor((now.bytes.length + synced.bytes.length) / 2)) };
  }
  const bytes = Buffer.from(
    now.bytes.map((byte, at) => (at < synced.bytes.length && synced.bytes[at] === byte ? byte : 0)),
  );
  return { ...now, bytes };
}

/** Which of these are missing at the same time: all choices of few; of many, all behind some place, all of a name, and one more or less. */
function* drops(pending: readonly Edit[]): Generator<ReadonlySet<Edit>> {
  if (pending.length <= MOST_FOR_ALL) {
    for (let bits = 0; bits < 2 ** pending.length; bits++) {
      yield new Set(pending.filter((_, at) => (bits & (2 ** at)) !== 0));
    }
    return;
  }
  for (const [at, first] of pending.entries()) {
    yield new Set(pending.slice(at));
    yield new Set(
      pending.filter(({ directory, name }) => directory === first.directory && name === first.name),
    );
    for (const second of TWO_AT_A_TIME ? pending : [first]) {
      const few = new Set([first, second]);
      yield few;
      yield new Set(pending.filter((each) => !few.has(each)));
    }
  }
  yield new Set();
}
