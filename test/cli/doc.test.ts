import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Cli } from './cli.ts';

const TEXT =
  '\ufeff{\r\n\t"roles": [\r\n\t\t{ "id": 42, "name": "b \\u0041" },\r\n\t\t{ "id": 7, "big": 12345678901234567890 }\r\n\t]\r\n}\r\n';

class Documents extends Cli {
  readonly file = join(this.home, 'roles.json');

  constructor(text = TEXT) {
    super();
    writeFileSync(this.file, text);
  }

  doc(command: string, ...rest: readonly string[]) {
    return this.run(['doc', command, this.file, ...rest]);
  }
}

describe('doc get', () => {
  it('prints the value at a path, with numbers as they were written', async () => {
    const documents = new Documents();
    expect(await documents.doc('get', 'roles[id=42].name')).toMatchObject({
      code: 0,
      stdout: '"b A"\n',
      stderr: '',
    });
    expect((await documents.doc('get', '--raw', 'roles[0].name')).stdout).toBe('b A\n');
    expect((await documents.doc('get', 'roles[id=7]')).stdout).toBe(
      '{\n  "id": 7,\n  "big": 12345678901234567890\n}\n',
    );
    expect((await documents.doc('get', '--json')).stdout).toBe(
      '{"roles":[{"id":42,"name":"b A"},{"id":7,"big":12345678901234567890}]}\n',
    );
    expect(readFileSync(documents.file, 'utf8')).toBe(TEXT);
  });

  it('exits with 1 for what is not there, and says where the path ends', async () => {
    const documents = new Documents();
    expect(await documents.doc('get', 'roles[id=9].name')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'holdfast: There is nothing at roles[id=9]: no element of the list has that.\n',
    });
    const missing = new Documents();
    expect(await missing.run(['doc', 'get', join(missing.home, 'none.json')])).toMatchObject({
      code: 1,
      stdout: '',
    });
  });

  it('refuses a path that cannot be read with 125, and says where', async () => {
    const { code, stderr } = await new Documents().doc('get', 'roles[id=42');
    expect({ code, stderr }).toEqual({
      code: 125,
      stderr:
        'holdfast: The path roles[id=42 cannot be read at character 12: a closing bracket is missing.\n',
    });
  });
});

describe('doc set', () => {
  it('of a file that one may not read leaves nothing beside it that would shut its owner out [D37, H17]', async () => {
    const documents = new Documents();
    chmodSync(documents.file, 0o600);
    chmodSync(documents.home, 0o1777);
    const options = { env: { HOLDFAST_HOME: join(documents.home, 'others') } };
    const { code, stderr } = await documents
      .asUser(65534, ['doc', 'set', documents.file, 'roles', '1'], options)
      .finish();
    expect([code, stderr]).toEqual([125, expect.stringContaining('cannot be read: EACCES')]);
    expect(readdirSync(documents.home)).toEqual(['roles.json']);
    expect(await documents.doc('set', 'roles', '1')).toMatchObject({ code: 0, stderr: '' });
  });

  it('changes one value, and leaves every other byte as it is [D8, D26, D27]', async () => {
    const documents = new Documents();
    const text = () => readFileSync(documents.file, 'utf8');
    expect(await documents.doc('set', 'roles[id=42].name', '"x"')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(text()).toBe(TEXT.replace('"b \\u0041"', '"x"'));
    await documents.doc('set', 'roles[id=7].new', '12345678901234567891');
    expect(text()).toBe(
      TEXT.replace('"b \\u0041"', '"x"').replace('890 }', '890, "new": 12345678901234567891 }'),
    );
  });

  it('changes and prints the record of a number that no double holds, and no other one [D26]', async () => {
    const text = '[{"id":1234567890123456781,"v":0},{"id":1234567890123456782,"v":0}]\n';
    const documents = new Documents(text);
    expect(await documents.doc('set', '[id=1234567890123456782].v', '1')).toMatchObject({ code: 0 });
    expect(readFileSync(documents.file, 'utf8')).toBe(text.replace('2,"v":0', '2,"v":1'));
    expect((await documents.doc('get', '[id=1234567890123456782].v')).stdout).toBe('1\n');
    expect((await documents.doc('get', '[id=1234567890123456781].v')).stdout).toBe('0\n');
    expect(await documents.doc('set', '[id=1234567890123456783].v', '1')).toMatchObject({
      code: 1,
      stderr: 'holdfast: There is nothing at [id=1234567890123456783]: no element of the list has that.\n',
    });
  });

  it('refuses a value that is not JSON, and offers it in quotes', async () => {
    const documents = new Documents();
    expect(await documents.doc('set', 'roles[id=42].name', 'new name')).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(
        /VALUE must be JSON, got "new name": .*; for a text, write '"new name"'\.\n$/,
      ),
    });
    expect(await documents.doc('set', 'roles[id=9].name', '1')).toMatchObject({
      code: 1,
      stderr: 'holdfast: There is nothing at roles[id=9]: no element of the list has that.\n',
    });
    expect(readFileSync(documents.file, 'utf8')).toBe(TEXT);
  });

  it('refuses an empty path, as of a variable that is not set, and takes a dot for the whole document [R57, R82]', async () => {
    const documents = new Documents('{ "a": 1 }\n');
    for (const [command, ...words] of [
      ['set', '', '5'],
      ['get', ''],
    ] as const) {
      const { code, stdout, stderr } = await documents.doc(command, ...words);
      expect([code, stdout]).toEqual([125, '']);
      expect(stderr).toMatch(/^holdfast: PATH must not be empty; a dot is the whole document\./);
    }
    expect(readdirSync(documents.home).filter((name) => name.includes('roles'))).toEqual(['roles.json']);
    expect((await documents.doc('get', '.')).stdout).toBe('{\n  "a": 1\n}\n');
    expect(await documents.doc('set', '.', '[5]')).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(readFileSync(documents.file, 'utf8'))).toEqual([5]);
    expect((await documents.run(['doc', 'set', '--help'])).stdout).toContain('a dot: all of it');
  });

  it('loses nothing when several change one document at once', async () => {
    const documents = new Documents('{}\n');
    const names = Array.from({ length: 8 }, (_, at) => `n${at}`);
    const ends = await Promise.all(names.map((name, at) => documents.doc('set', name, String(at))));
    expect(ends.map(({ code }) => code)).toEqual(names.map(() => 0));
    const value = JSON.parse(readFileSync(documents.file, 'utf8'));
    expect(value).toEqual(Object.fromEntries(names.map((name, at) => [name, at])));
  });
});

describe('doc set and its kind', () => {
  it('tells whom they wait for, and go on when the lock is free [R8, R82]', async () => {
    const documents = new Documents();
    const lock = await new LockManager().acquire({ file: documents.file }, { purpose: 'a long edit' });
    const setting = documents.start(['doc', 'set', documents.file, 'roles[id=42].name', '"x"']);
    const [told] = await setting.says(/waiting for \S+, held by "a long edit" \(pid \d+/, 'stderr');
    await lock.release();
    expect(await setting.exits()).toMatchObject({ code: 0, stderr: expect.stringContaining(told) });
  });
});

describe('doc check', () => {
  it('says with line and column where a document is damaged, and exits with 1', async () => {
    expect(await new Documents().doc('check')).toMatchObject({ code: 0, stderr: '' });
    const damaged = new Documents('{\n  "a": 1,\n}\n');
    const { code, stdout } = await damaged.doc('check');
    expect(code).toBe(1);
    expect(stdout).toMatch(/roles\.json:2:9 is not JSON: a comma stands after the last element\. /);
    expect(JSON.parse((await damaged.doc('check', '--json')).stdout)).toMatchObject({
      damaged: true,
      line: 2,
      column: 9,
    });
    expect((await new Documents('').doc('check')).stdout).toMatch(/roles\.json:1:1 is empty\./);
  });

  it('tells of a damaged document in the same way when a value is asked for', async () => {
    const { code, stdout, stderr } = await new Documents('{"a": 1, "a": 2}').doc('get', 'a', '--json');
    expect([code, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'HOLDFAST_DAMAGED', exitCode: 1, line: 1, column: 10 },
    });
  });

  it('refuses what is no file with 125', async () => {
    const documents = new Documents();
    mkdirSync(join(documents.home, 'folder.json'));
    const { code, stderr } = await documents.run(['doc', 'check', join(documents.home, 'folder.json')]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/is a directory, and a document is a regular file/);
  });
});
