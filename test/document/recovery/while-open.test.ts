import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type DocumentOptions, openDocument, restoreBackup } from 'holdfast/document';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Backups } from '../../../src/document/backups/backups.ts';
import { steps } from '../../../src/document/file/publish.ts';
import { StoppedClock } from '../../support/clock.ts';
import { memoryDirectory } from '../../support/temp.ts';
import { until } from '../../support/until.ts';
import { type Counter, opened, raise } from '../opened.ts';

/** A document that is at 2, with backups in which it is at 0 and at 1, and what it tells. */
async function watched(options: DocumentOptions<Counter> = {}) {
  const clock = new StoppedClock();
  const found = await opened('{ "a": 0 }', { backups: { interval: 0 }, ...options });
  await found.document.update(raise);
  await found.document.update(raise);
  const told: string[] = [];
  const { document, directory } = found;
  document.on('damaged', ({ code, message }) => told.push(`${code} ${/:\d+:\d+/.exec(message)?.[0] ?? ''}`));
  document.on('missing', () => told.push('missing'));
  document.on('restored', ({ origin, recovery }) =>
    told.push(`restored ${origin} ${recovery?.recordsLost ?? ''}`),
  );
  document.on('external', ({ value }) => told.push(`external ${value.a}`));
  const telling = async (what: RegExp) => {
    await until(async () => {
      await clock.elapse(1_100);
      return what.test(told.join('\n'));
    }, `it tells ${what}`);
  };
  const files = (end: string) => readdirSync(directory).filter((name) => name.endsWith(end));
  return { ...found, clock, told, telling, files };
}

describe('a document that is damaged while it is open', () => {
  it('tells so once, keeps the last whole value, and tells when a person has repaired it [R21, R82, D7]', async () => {
    const { document, path, told, telling, clock, text, files } = await watched();
    writeFileSync(path, '{ "a": 2,, }');
    await telling(/DAMAGED/);
    await clock.elapse(5_000);
    expect(document.read()).toEqual({ a: 2 });
    await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_DAMAGED' });
    expect([text(), files('.corrupt')]).toEqual(['{ "a": 2,, }', []]);
    writeFileSync(path, '{ "a": 2 }'); // as it was before
    await telling(/restored/);
    expect(told).toEqual(['HOLDFAST_DAMAGED :1:10', 'restored external ']);
  });

  it('is restored by itself where that was asked for, once the damage has stood for a second, and is kept [B1, B5, B6, R82]', async () => {
    const { document, path, directory, told, telling, files, text } = await watched({ recover: 'auto' });
    writeFileSync(path, '{ "a": 2, "roles": [{}, {}');
    await telling(/restored/);
    expect(told).toEqual([expect.stringMatching(/^HOLDFAST_DAMAGED/), 'restored own 0']);
    expect(text()).toBe('{ "a": 1 }');
    expect(document.read()).toEqual({ a: 1 });
    const [corrupt] = files('.corrupt');
    expect(readFileSync(join(directory, String(corrupt)), 'utf8')).toBe('{ "a": 2, "roles": [{}, {}');
    expect(await document.update(raise)).toEqual({ a: 2 });
  });

  it('is not restored while somebody writes it, nor over what cannot be read [D7, D31]', async () => {
    const { path, told, telling, clock, files } = await watched({ recover: 'auto' });
    for (let round = 0; round < 6; round++) {
      writeFileSync(path, `{ "a": ${'9'.repeat(round + 1)},`);
      await clock.elapse(600);
    }
    rmSync(path);
    mkdirSync(path);
    await telling(/UNREADABLE/);
    await clock.elapse(5_000);
    expect(told.filter((line) => line.startsWith('restored'))).toEqual([]);
    expect(files('.corrupt')).toEqual([]);
    rmSync(path, { recursive: true });
  });

  it('stays as it is where no backup is whole, and is tried again with patience', async () => {
    const { path, directory, told, telling, clock, files, text } = await watched({ recover: 'auto' });
    const names = files('.bak');
    for (const name of names) writeFileSync(join(directory, name), '');
    writeFileSync(path, 'no');
    await telling(/DAMAGED/);
    await clock.elapse(3_000);
    expect([text(), files('.corrupt')]).toEqual(['no', []]);
    writeFileSync(join(directory, String(names[0])), '{ "a": 7 }');
    await telling(/restored own/);
    expect(text()).toBe('{ "a": 7 }');
    expect(told).toHaveLength(2);
  });

  it('by its schema is told as well, and read gives what fitted [R82]', async () => {
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof (value as Counter).a === 'number'
            ? { value: value as Counter }
            : { issues: [{ message: 'must be a number', path: ['a'] }] },
      },
    };
    const { document, path, telling } = await watched({ schema });
    writeFileSync(path, '{ "a": "x" }');
    expect(document.read()).toEqual({ a: 2 });
    await telling(/DAMAGED/);
    await expect(document.update(raise)).rejects.toThrow(/does not fit its schema: a: must be a number/);
    writeFileSync(path, '{ "a": 5 }');
    expect(document.read()).toEqual({ a: 5 });
  });
});

it('a document that was missing tells when it is back, also with the text that it had [R21]', async () => {
  const { path, told, telling } = await watched();
  renameSync(path, `${path}.away`);
  await telling(/missing/);
  renameSync(`${path}.away`, path);
  await telling(/restored/);
  expect(told).toEqual(['missing', 'restored external ']);
});

describe('a backup that somebody chooses', () => {
  it('takes the place of a whole document, which becomes a backup first [B1, B5, B6]', async () => {
    const { document, directory, told, telling, text } = await watched();
    const [newest, older] = document.backups();
    const restored = await document.restore(older?.name);
    expect(restored).toMatchObject({ backup: older?.name, corrupt: undefined, recordsLost: 0 });
    expect(text()).toBe('{ "a": 0 }');
    expect(document.read()).toEqual({ a: 0 });
    expect(readFileSync(join(directory, String(restored.replaced)), 'utf8')).toBe('{ "a": 2 }');
    await telling(/restored own/);
    expect(told).toEqual(['restored own 0']);
    await document.restore(restored.replaced);
    expect(document.read()).toEqual({ a: 2 });
    expect(newest?.reason).toBe('save');
  });

  it('is the newest that says something else where none is named, also for a file that is missing or damaged [B5]', async () => {
    const { document, path, text } = await watched();
    await document.close();
    await restoreBackup(path);
    expect(text()).toBe('{ "a": 1 }');
    rmSync(path);
    expect(await restoreBackup(path)).toMatchObject({ corrupt: undefined, replaced: undefined });
    expect(text()).toBe('{ "a": 2 }');
    writeFileSync(path, Buffer.from([0xff, 0xfe, 0x7b, 0]));
    const { corrupt } = await restoreBackup(path);
    expect(text()).toBe('{ "a": 2 }');
    expect(corrupt).toMatch(/\.corrupt$/);
  });

  it('that is not there, or not whole, is refused, and nothing is done [B6]', async () => {
    const { document, directory, path, text, files } = await watched();
    const [name = ''] = files('.bak');
    writeFileSync(join(directory, name), '{ "a": ');
    const before = files('.bak');
    for (const wrong of [name, 'roles.json', '../roles.json']) {
      await expect(document.restore(wrong)).rejects.toMatchObject({ code: 'HOLDFAST_INPUT' });
      await expect(restoreBackup(path, wrong)).rejects.toMatchObject({ code: 'HOLDFAST_INPUT' });
    }
    expect([text(), files('.bak')]).toEqual(['{ "a": 2 }', before]);
  });

  it('keeps what an outsider writes at the last instant, too, and is still the one that was chosen [B1, D35]', async () => {
    const { document, path, directory, text, files } = await watched();
    const [, older] = document.backups();
    steps.reached = (step) => {
      if (step !== 'checked') return;
      steps.reached = undefined;
      writeFileSync(path, '{ "a": 99 }');
    };
    onTestFinished(() => {
      steps.reached = undefined;
    });
    await document.restore(older?.name);
    expect(text()).toBe('{ "a": 0 }');
    const texts = files('.bak').map((name) => readFileSync(join(directory, name), 'utf8'));
    expect(texts).toEqual(expect.arrayContaining(['{ "a": 2 }', '{ "a": 99 }']));
  });

  it('is never a version that lost a conflict, unless it is named [B5]', async () => {
    const { document, path, directory, text } = await watched();
    const rival = join(directory, 'roles.json.20991231T000000.000Z-x4f00.conflict');
    for (let day = 10; day < 22; day++) {
      writeFileSync(rival.replace('20991231', `209912${day}`), `{ "a": ${day} }`);
    }
    await document.close();
    const again = await openDocument<Counter>(path);
    await again.update(() => undefined); // sweeps, which makes backups of the two oldest
    await again.close();
    writeFileSync(path, '');
    expect(new Backups(path).list()[0]?.reason).toBe('conflict');
    await restoreBackup(path);
    expect(text()).toBe('{ "a": 1 }');
  });
});

describe('a migration that fails', () => {
  const migrate = {
    version: 2,
    up: (value: unknown) => {
      if ((value as Counter).a > 100) throw new TypeError('a is too large.');
    },
  };
  const why = expect.stringContaining('from version 0 to 2: a is too large. The file was left as it is');

  it('says nothing of the file, so that no backup takes its place when it is opened [B5, D7, D32]', async () => {
    const { document, path, text, files } = await watched();
    await document.close();
    writeFileSync(path, '{ "a": 500 }');
    const before = files('.bak');
    const opening = openDocument(path, { recover: 'auto', migrate });
    await expect(opening).rejects.toMatchObject({ code: 'HOLDFAST_UNREADABLE', message: why });
    expect([text(), files('.corrupt'), files('.bak')]).toEqual(['{ "a": 500 }', [], before]);
  });

  it('at a backup is told, and the damaged file stays as it is [B5, D7, D32]', async () => {
    const { document, path, text, files } = await watched();
    await document.close();
    writeFileSync(path, '{ "a": ');
    let turns = 0;
    const up = () => {
      if (turns++ < 9) throw new TypeError('a is too large.'); // who tries again and again comes to an end
    };
    const opening = openDocument(path, { recover: 'auto', migrate: { version: 2, up } });
    await expect(opening).rejects.toMatchObject({ code: 'HOLDFAST_UNREADABLE', message: why });
    expect([turns, text(), files('.corrupt')]).toEqual([1, '{ "a": ', []]);
  });

  it('nor while it is open, where that is told, and no change is written over it [B5, D7, D32]', async () => {
    const { document, path, text, told, telling, clock, files } = await watched({ recover: 'auto', migrate });
    writeFileSync(path, '{ "a": 500 }');
    await telling(/UNREADABLE/);
    await clock.elapse(5_000);
    await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_UNREADABLE', message: why });
    expect(told.filter((line) => line.startsWith('restored'))).toEqual([]);
    expect([text(), files('.corrupt')]).toEqual(['{ "a": 500 }', []]);
  });
});

it('an open document tells of links that lead in a circle now, and blames no schema that it does not have [D7, R82]', async () => {
  const { document, path, telling } = await watched();
  const messages: string[] = [];
  document.on('damaged', ({ message }) => messages.push(message));
  rmSync(path);
  symlinkSync(path, path);
  await telling(/UNREADABLE/);
  expect(messages).toEqual([expect.stringContaining('its links lead in a circle')]);
});

describe('a program of another version', () => {
  const migrate = {
    version: 2,
    up: (value: unknown) => ({ ...(value as Counter), raised: true }),
  };

  it('that raises a document while this one has it open makes it read-only here, until it is lowered again [D32]', async () => {
    const { document, path, text } = await opened('{ "$version": 2, "a": 0 }', { migrate });
    const newer = '{ "$version": 3, "a": 0, "new": [1.0] }';
    writeFileSync(path, newer);
    await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_SCHEMA_TOO_NEW' });
    expect(document.read().$version).toBe(3);
    await expect(document.update(raise)).rejects.toMatchObject({ code: 'HOLDFAST_SCHEMA_TOO_NEW' });
    expect(text()).toBe(newer);
    writeFileSync(path, '{ "$version": 2, "a": 5 }');
    document.read();
    expect((await document.update(raise)).a).toBe(6);
  });

  it('that puts an older one there has it raised when it is read, and written with the next change, after a backup [B1, D32]', async () => {
    const { document, path, directory, text } = await opened('{ "$version": 2, "a": 0 }', { migrate });
    await document.update(raise); // no other backup is due after this one
    writeFileSync(path, '{ "a": 3 }');
    expect(document.read()).toEqual({ a: 3, raised: true, $version: 2 });
    expect(text()).toBe('{ "a": 3 }');
    await document.update(raise);
    expect(JSON.parse(text())).toEqual({ a: 4, raised: true, $version: 2 });
    const [backup] = document.backups();
    expect(backup?.reason).toBe('migration');
    expect(readFileSync(join(directory, String(backup?.name)), 'utf8')).toBe('{ "a": 3 }');
  });

  it('makes a document that is of its version from the first moment on', async () => {
    const path = join(memoryDirectory(), 'roles.json');
    const document = await openDocument<Counter>(path, { migrate, create: { a: 0 } });
    expect(document.read()).toEqual({ $version: 2, a: 0 });
    await document.close();
  });
});

it('a document that iCloud has taken from the disk is neither missing nor made anew, and is seen when it is back [D31]', async () => {
  const directory = memoryDirectory();
  const path = join(directory, 'roles.json');
  const placeholder = join(directory, '.roles.json.icloud');
  writeFileSync(placeholder, 'bplist00');
  const open = () => openDocument<Counter>(path, { create: { a: 0 }, recover: 'auto' });
  await expect(open()).rejects.toMatchObject({
    code: 'HOLDFAST_UNREADABLE',
    message: expect.stringContaining('Its content is in the cloud'),
  });
  expect(readdirSync(directory)).toEqual(['.roles.json.icloud']);
  renameSync(placeholder, path);
  writeFileSync(path, '{ "a": 1 }');
  const document = await open();
  expect(document.read()).toEqual({ a: 1 });
  await document.close();
});
