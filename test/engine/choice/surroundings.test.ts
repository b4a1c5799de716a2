import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { surroundingsOf, trials } from '../../../src/engine/choice/surroundings.ts';
import { type FileSystem, fileSystems } from '../../../src/storage/file-system/index.ts';
import { tempDirectory } from '../../support/temp.ts';

type Verdict = ReturnType<typeof trials.of>['verdict'];

/** Directories from now on lie on such a file system, which no other test knows, and trials in them end so in turn. */
function onFileSystem(reach: FileSystem['reach'], verdicts: readonly Verdict[]) {
  const type = `${expect.getState().currentTestName}`;
  const fileSystem = vi.spyOn(fileSystems, 'of').mockReturnValue({ type, reach, options: [] });
  const trial = vi.spyOn(trials, 'of');
  for (const verdict of verdicts) trial.mockReturnValueOnce({ verdict, detail: verdict });
  onTestFinished(() => {
    fileSystem.mockRestore();
    trial.mockRestore();
  });
  return trial;
}

const verdictIn = (directory: string) => surroundingsOf(directory).exclusion.verdict;

describe('whether the kernel’s lock excludes', () => {
  it('is tried once for all directories of a local disk [F1, H12]', () => {
    const trial = onFileSystem('local', ['ignored']);

    expect([verdictIn(tempDirectory()), verdictIn(tempDirectory())]).toEqual(['ignored', 'ignored']);
    expect(trial).toHaveBeenCalledOnce();
  });

  it('is tried again where no file could be made at first [F1, H12]', () => {
    onFileSystem('local', ['untested', 'ignored']);
    const directory = tempDirectory();

    expect(surroundingsOf(directory).prefers).toBe('kernel');
    expect(surroundingsOf(directory).prefers).toBe('portable');
  });

  it.each(['network', 'unknown'] as const)(
    'is tried in each directory where mounts come and go: %s [F1, H12]',
    (reach) => {
      onFileSystem(reach, ['excludes', 'ignored']);

      expect([verdictIn(tempDirectory()), verdictIn(tempDirectory())]).toEqual(['excludes', 'ignored']);
    },
  );
});
