import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectAround, realProject } from '../../src/storage/project.ts';
import { tempDirectory } from '../support/temp.ts';

describe('the project around a directory', () => {
  it.each(['holdfast.yaml', '.git', 'package.json'])(
    'is the nearest above it that has a %s [A18]',
    (mark) => {
      const home = tempDirectory();
      const project = join(home, 'project');
      mkdirSync(join(project, 'src/deep'), { recursive: true });
      writeFileSync(join(project, mark), '');
      writeFileSync(join(home, 'package.json'), '');

      expect(projectAround(join(project, 'src/deep'))).toBe(project);
      expect(projectAround(project)).toBe(project);
      expect(projectAround(home)).toBe(home);
    },
  );

  it('is the same one through a link [A18, H19]', () => {
    const home = tempDirectory();
    const project = join(home, 'project');
    mkdirSync(join(project, 'src'), { recursive: true });
    writeFileSync(join(project, 'package.json'), '');
    symlinkSync(project, join(home, 'link'));

    expect(projectAround(join(home, 'link/src'))).toBe(project);
    expect(realProject(join(home, 'link'))).toBe(project);
  });

  it('is an error that names the scope where there is none [R82]', () => {
    expect(() => projectAround('/proc/self')).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_INPUT', input: 'scope' }),
    );
    expect(() => realProject('/proc/no/such')).toThrow(
      expect.objectContaining({ code: 'HOLDFAST_INPUT', input: 'scope' }),
    );
  });
});
