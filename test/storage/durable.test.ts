import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeTemporaries, writeDurably } from '../../src/storage/durable.ts';
import { Child } from '../support/child.ts';
import { fill, smallDisk } from '../support/disk.ts';
import { tempDirectory } from '../support/temp.ts';

const module = new URL('../../dist/storage/durable.js', import.meta.url).href;

/** Runs `writeDurably` in a process under strace; resolves with what the trace shows. */
async function traced(directory: string, calls: string, inject: readonly string[] = []): Promise<string> {
  const trace = join(directory, 'trace');
  const path = JSON.stringify(join(directory, 'data/file'));
  const script = `import { writeDurably } from ${JSON.stringify(module)};
    await writeDurably(${path}, Buffer.from('new')).catch(({ code }) => console.log(code));`;
  const through = ['-f', '-y', '-o', trace, '-e', `trace=${calls}`, ...inject];
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const child = new Child('strace', [...through, ...node], { env: { UV_THREADPOOL_SIZE: '1' } });
  const { stdout } = await child.exits();
  return `${stdout}${readFileSync(trace, 'utf8')}`;
}

function place(): { directory: string; file: string } {
  const directory = tempDirectory();
  mkdirSync(join(directory, 'data'));
  const file = join(directory, 'data/file');
  writeFileSync(file, 'old');
  return { directory, file };
}

describe('a durable write', () => {
  it('replaces the content and its mode, and leaves nothing else behind [G4]', async () => {
    const { file } = place();
    await writeDurably(file, [Buffer.from('a'), Buffer.alloc(0), Buffer.from('b')], 0o640);
    expect(readFileSync(file, 'utf8')).toBe('ab');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(file, '..'))).toEqual(['file']);
  });

  it('syncs the file before its rename, and the directory after it [G4]', async () => {
    const { directory } = place();
    const steps = (await traced(directory, 'fsync,rename,renameat,renameat2'))
      .split('\n')
      .filter((line) => line.includes('/data'))
      .map((line) => `${/(fsync|rename)/.exec(line)?.[1]} ${line.includes('.tmp') ? 'file' : 'directory'}`);
    expect(steps).toEqual(['fsync file', 'rename file', 'fsync directory']);
  });

  it.each(['ENOSPC', 'EIO'])(
    'that fails with %s before the rename is done leaves the old content [G4, H14]',
    async (code) => {
      for (const call of ['fsync', 'rename']) {
        const { directory, file } = place();
        const told = await traced(directory, call, ['-e', `inject=${call}:error=${code}:when=1`]);
        expect(told).toContain('INJECTED');
        expect(told.split('\n')[0]).toBe(code);
        expect(readFileSync(file, 'utf8')).toBe('old');
        expect(readdirSync(join(directory, 'data'))).toEqual(['file']);
      }
    },
  );

  it('that fails at the sync of the directory says so, though the new content is in place [G4, H14]', async () => {
    const { directory, file } = place();

    const told = await traced(directory, 'fsync', ['-e', 'inject=fsync:error=EIO:when=2']);

    expect(told.split('\n')[0]).toBe('EIO');
    expect(readFileSync(file, 'utf8')).toBe('new');
  });

  it('that finds the disk full half-way leaves the old content, whole (mounted here as root) [G4, H14]', async () => {
    const { disk } = smallDisk('size=1m');
    const file = join(disk, 'file');
    writeFileSync(file, 'old');
    fill(disk);
    truncateSync(join(disk, 'filler'), 900 * 1024);

    // The first call takes as much as there is room for, and no error tells of the rest.
    await expect(writeDurably(file, Buffer.alloc(400 * 1024, 'new'))).rejects.toMatchObject({
      code: 'ENOSPC',
    });

    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(disk).sort()).toEqual(['file', 'filler']);
  });

  it('that is killed before its rename leaves the old content, and a file that is cleaned up [G4, H16]', async () => {
    for (const call of ['fsync', 'rename']) {
      const { directory, file } = place();
      await traced(directory, call, ['-e', `inject=${call}:signal=SIGKILL:when=1`]);
      const data = join(directory, 'data');
      expect(readFileSync(file, 'utf8')).toBe('old');
      expect(readdirSync(data)).toEqual([expect.stringMatching(/^\.holdfast-.*\.tmp$/), 'file']);
      writeFileSync(join(data, '.holdfast-notes.tmp'), 'of somebody else');
      await removeTemporaries(data);
      expect(readdirSync(data)).toEqual(['.holdfast-notes.tmp', 'file']);
    }
  });
});
