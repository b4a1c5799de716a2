import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { BackupError } from 'holdfast';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Backups } from '../../../src/document/backups/backups.ts';
import { Names } from '../../../src/document/backups/names.ts';
import { StoppedClock } from '../../support/clock.ts';
import { tempDirectory } from '../../support/temp.ts';

const DAY = 24 * 60 * 60 * 1000;

function newDocument(options = {}) {
  const directory = tempDirectory();
  const path = join(directory, 'roles.json');
  writeFileSync(path, '{}');
  const names = new Names('roles.json', 'bak');
  /** Puts a backup there as if it had been made so long ago. */
  const leave = (age: number, text = '{}') => {
    const name = names.at({ time: Date.now() - age, turn: 0 });
    writeFileSync(join(directory, name), text);
    return name;
  };
  return { directory, path, names, leave, backups: new Backups(path, options) };
}

/** The wall clock of this thread stands still until the test is over. */
function stopWallClock(time = Date.now()): void {
  const spy = vi.spyOn(Date, 'now').mockReturnValue(time);
  onTestFinished(() => spy.mockRestore());
}

describe('a backup', () => {
  it('has the text that it was given, and tells when and why it was made [B2, B4]', () => {
    const { directory, backups, names } = newDocument();
    stopWallClock(Date.UTC(2026, 10, 27, 19, 42, 1, 123));
    const text = '\uFEFF{ "name": "Zoë 🦊" }\r\n';
    const name = backups.write(text, 'resolve');
    expect(name).toBe('roles.json.20261127T194201.123Z.bak');
    expect(readFileSync(join(directory, name), 'utf8')).toBe(text);
    const [listed] = backups.list();
    expect(listed).toEqual({
      name,
      time: new Date(Date.now()),
      size: Buffer.byteLength(text),
      reason: 'resolve',
    });
    expect(names.read(name)).toBeDefined();
  });

  it('never takes a name that something has [B2]', () => {
    const { directory, backups } = newDocument();
    stopWallClock();
    const made = ['1', '2', '3'].map((text) => backups.write(text, 'save'));
    expect(new Set(made).size).toBe(3);
    expect(made.map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual(['1', '2', '3']);
    expect(backups.list().map(({ name }) => name)).toEqual([...made].reverse());
  });

  it.each([0o600, 0o640, 0o644, 0o664])(
    'may be read and written by whom the document may be, under every umask: %i [B4]',
    (mode) => {
      const { directory, path, backups } = newDocument();
      chmodSync(path, mode);
      for (const umask of [0o000, 0o022, 0o077]) {
        const before = process.umask(umask);
        onTestFinished(() => void process.umask(before));
        const name = backups.write(`${umask}`, 'save');
        expect(statSync(join(directory, name)).mode & 0o777).toBe(mode);
      }
    },
  );

  it('is not made when the newest one has the same text', () => {
    const { backups } = newDocument();
    const first = backups.write('1', 'save');
    expect(backups.write('1', 'delete')).toBe(first);
    expect(backups.list()).toHaveLength(1);
    const second = backups.write('2', 'save');
    expect(backups.write('1', 'save')).not.toBe(first);
    expect(backups.list()).toHaveLength(3);
    expect(second).not.toBe(first);
  });

  it('is not changed by who still writes into the old file of the document [D36]', () => {
    const { directory, path, backups } = newDocument();
    const outsider = openSync(path, 'r+');
    onTestFinished(() => closeSync(outsider));
    const name = backups.write(readFileSync(path, 'utf8'), 'save');
    writeFileSync(`${path}.new`, '{"a":1}');
    renameSync(`${path}.new`, path);
    writeSync(outsider, 'late');
    expect(readFileSync(join(directory, name), 'utf8')).toBe('{}');
    expect(statSync(join(directory, name)).ino).not.toBe(fstatSync(outsider).ino);
  });

  it('still counts when its reason was lost', () => {
    const { directory, backups } = newDocument();
    const name = backups.write('1', 'migration');
    for (const text of ['', 'no JSON', '[1]', 'null', `{"${name}":"made up"}`, `{"${name}":{}}`]) {
      writeFileSync(join(directory, '.roles.json.backups'), text);
      expect(backups.list()).toMatchObject([{ name, reason: undefined }]);
    }
    const next = backups.write('2', 'restore');
    expect(backups.list()).toMatchObject([{ name: next, reason: 'restore' }, { name }]);
  });

  it('that fails is a typed error with the cause, and leaves nothing', () => {
    const { directory, backups } = newDocument();
    stopWallClock();
    const names = new Names('roles.json', 'bak');
    for (let turn = 0; turn <= 100; turn++) {
      writeFileSync(join(directory, names.at({ time: Date.now(), turn })), `${turn}`);
    }
    const before = readdirSync(directory);
    const attempt = () => backups.write('{}', 'save');
    expect(attempt).toThrow(BackupError);
    expect(attempt).toThrow(
      /^No backup of .*roles\.json could be made: EEXIST\. The backups there were are untouched\.$/,
    );
    expect(readdirSync(directory)).toEqual(before);
  });
});

describe('a backup is due', () => {
  it('at the first save of a session, and at the next one only when the interval is over', () => {
    const clock = new StoppedClock();
    const { backups } = newDocument({ interval: 1_000 });
    expect(backups.isDue('save')).toBe(true);
    backups.write('1', 'save');
    clock.advance(999);
    expect(backups.isDue('save')).toBe(false);
    clock.advance(1);
    expect(backups.isDue('save')).toBe(true);
  });

  it('before all that destroys something, however soon', () => {
    const { backups } = newDocument();
    backups.write('1', 'save');
    expect(backups.isDue('save')).toBe(false);
    for (const reason of ['reset', 'delete', 'resolve', 'restore', 'migration'] as const) {
      expect(backups.isDue(reason)).toBe(true);
    }
  });
});

describe('rotating', () => {
  const isGood = () => true;

  it('removes what is outdated by name, and nothing else [B3]', () => {
    const { directory, backups, leave } = newDocument({ days: 0 });
    const made = Array.from({ length: 20 }, (_, age) => leave(age * 1_000));
    const others = [
      'roles.json.bak',
      'roles.json.20200101T000000.000Z.bak.txt',
      'other.json.20200101T000000.000Z.bak',
    ];
    for (const name of others) writeFileSync(join(directory, name), '');
    backups.rotate(isGood);
    expect(backups.list().map(({ name }) => name)).toEqual(made.slice(0, 5));
    for (const name of [...others, 'roles.json']) expect(existsSync(join(directory, name))).toBe(true);
  });

  it('keeps the last one that is whole, though it is too old, and torn ones are newer [B3]', () => {
    const { backups, leave } = newDocument();
    const whole = leave(90 * DAY, '{}');
    const older = leave(91 * DAY, '{}');
    const torn = Array.from({ length: 6 }, (_, age) => leave(age * 1_000, '{"a'));
    backups.rotate((bytes) => bytes.toString() === '{}');
    expect(backups.list().map(({ name }) => name)).toEqual([...torn.slice(0, 5), whole]);
    expect(backups.list().map(({ name }) => name)).not.toContain(older);
  });

  it('bounds the copies of damaged documents, of which equal ones are kept once', () => {
    const { directory, backups } = newDocument();
    const corrupt = () => readdirSync(directory).filter((name) => name.endsWith('.corrupt'));
    const first = backups.keepCorrupt(Buffer.from('0'));
    for (let time = 0; time < 30; time++) {
      expect(backups.keepCorrupt(Buffer.from('0'))).toBe(first);
      backups.keepCorrupt(Buffer.from(`x${time}`));
    }
    expect(corrupt()).toHaveLength(31);
    backups.rotate(isGood);
    expect(corrupt()).toHaveLength(10);
  });

  it('forgets the reasons of backups that are gone', () => {
    const { directory, backups } = newDocument({ newest: 1, days: 0 });
    for (const text of ['1', '2', '3']) {
      backups.write(text, 'save');
      backups.rotate(isGood);
    }
    const kept = Object.keys(JSON.parse(readFileSync(join(directory, '.roles.json.backups'), 'utf8')));
    expect(kept.map((name) => basename(name))).toHaveLength(2); // the one before is dropped at the next backup
  });
});
