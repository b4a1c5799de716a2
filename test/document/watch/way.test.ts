import { mkdirSync, renameSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wayTo } from '../../../src/document/watch/way.ts';
import { tempDirectory } from '../../support/temp.ts';

const spotsOf = (path: string) => wayTo(path).spots.map(({ directory, name }) => join(directory, name));

function place() {
  const root = tempDirectory();
  const [real, link] = [join(root, 'real'), join(root, 'link')];
  mkdirSync(real);
  writeFileSync(join(real, 'roles.json'), '{}');
  return { root, real, link };
}

describe('the way to a file', () => {
  it('is its name in its directory', () => {
    const { real } = place();
    const file = join(real, 'roles.json');
    expect(spotsOf(file)).toEqual([file]);
    expect(wayTo(file).home).toBe(real);
  });

  it('has every link of a chain, of the file and of directories', () => {
    const { root, real, link } = place();
    mkdirSync(link);
    symlinkSync('../again', join(link, 'first'));
    symlinkSync(join(root, 'directory', 'roles.json'), join(root, 'again'));
    symlinkSync('./real/../real', join(root, 'directory'));
    expect(spotsOf(join(link, 'first'))).toEqual([
      join(link, 'first'),
      join(root, 'again'),
      join(root, 'directory'),
      join(real, 'roles.json'),
    ]);
    expect(wayTo(join(link, 'first')).home).toBe(real);
  });

  it('ends with the first name that is missing: the file, the target of a link, or a directory above', () => {
    const { root, real, link } = place();
    expect(spotsOf(join(real, 'none.json'))).toEqual([join(real, 'none.json')]);
    expect(wayTo(join(real, 'none.json')).home).toBe(real);
    symlinkSync('nowhere/none.json', link);
    expect(spotsOf(link)).toEqual([link, join(root, 'nowhere')]);
    expect(wayTo(link).home).toBeUndefined();
    expect(spotsOf(join(real, 'roles.json', 'below'))).toEqual([join(real, 'roles.json')]);
  });

  it('has an end where links lead round in a circle', () => {
    const { root, link } = place();
    symlinkSync('other', link);
    symlinkSync('link', join(root, 'other'));
    expect(wayTo(link).spots.length).toBeLessThan(50);
  });

  it('has another identity when a directory is replaced', () => {
    const { root, real } = place();
    const path = join(real, 'none.json');
    const [before] = wayTo(path).spots;
    expect(wayTo(path).spots[0]).toEqual(before);
    renameSync(real, join(root, 'away'));
    mkdirSync(real);
    expect(wayTo(path).spots[0]).not.toEqual(before);
    rmdirSync(real);
    renameSync(join(root, 'away'), real);
    expect(wayTo(path).spots[0]).toEqual(before);
  });
});
