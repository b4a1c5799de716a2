import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RulesError } from '../../src/errors/rules-error.ts';
import { findRules } from '../../src/rules/find.ts';
import { tempDirectory } from '../support/temp.ts';

/** Has this process count as that of another user, until the test is over. */
function actAs(uid: number): void {
  const { getuid } = process;
  process.getuid = () => uid;
  onTestFinished(() => {
    process.getuid = getuid as () => number;
  });
}

/** Has `$XDG_CONFIG_HOME` name a directory of the test. */
function configured(): string {
  const before = process.env.XDG_CONFIG_HOME;
  const directory = tempDirectory();
  process.env.XDG_CONFIG_HOME = directory;
  onTestFinished(() => {
    if (before === undefined) delete process.env.XDG_CONFIG_HOME;
    else process.env.XDG_CONFIG_HOME = before;
  });
  mkdirSync(join(directory, 'holdfast'));
  return join(directory, 'holdfast', 'holdfast.yaml');
}

describe('the rules that apply', () => {
  it('are those of the nearest directory upward, then those of the user [A2]', () => {
    const own = configured();
    const project = tempDirectory();
    mkdirSync(join(project, 'deep/down'), { recursive: true });
    expect(findRules(join(project, 'deep/down'))).toEqual([]);

    writeFileSync(own, '');
    expect(findRules(join(project, 'deep/down'))).toEqual([own]);

    writeFileSync(join(project, 'holdfast.yaml'), '');
    expect(findRules(join(project, 'deep/down'))).toEqual([join(project, 'holdfast.yaml'), own]);

    writeFileSync(join(project, 'deep/holdfast.yaml'), '');
    expect(findRules(join(project, 'deep/down'))).toEqual([join(project, 'deep/holdfast.yaml'), own]);
    expect(findRules(project)).toEqual([join(project, 'holdfast.yaml'), own]);
  });

  it('are not those of another user, who could switch our locks off with them', () => {
    configured();
    const project = tempDirectory();
    writeFileSync(join(project, 'holdfast.yaml'), '');
    const user = process.getuid?.() === 0 ? { chown: 12345, of: 12345 } : undefined;
    if (user !== undefined) {
      chownSync(join(project, 'holdfast.yaml'), user.chown, user.chown);
      expect(() => findRules(project)).toThrow(RulesError);
      expect(() => findRules(project)).toThrow(/belongs to another user \(uid 12345\).*--rules/);
    } else {
      actAs(12345);
      expect(() => findRules(project)).toThrow(/belongs to another user .*--rules/);
    }
  });

  it('can be those of root, who can switch anybody’s locks off anyway [A2]', () => {
    configured();
    const file = join(tempDirectory(), 'holdfast.yaml');
    writeFileSync(file, '');
    chownSync(file, 0, 0);

    actAs(12345);

    expect(findRules(dirname(file))).toEqual([file]);
  });

  it('are not taken for missing when they cannot be looked at, which would run commands without locks [A2, R82]', () => {
    const own = configured();
    const project = tempDirectory();
    const circle = join(project, 'holdfast.yaml');
    symlinkSync('holdfast.yaml', circle);
    expect(() => findRules(project)).toThrow(`${circle}: cannot be looked at (ELOOP)`);

    symlinkSync('holdfast.yaml', own);
    expect(() => findRules(tempDirectory())).toThrow(`${own}: cannot be looked at (ELOOP)`);
  });

  it('need a directory for the settings that is absolute [F13]', () => {
    configured();
    process.env.XDG_CONFIG_HOME = 'relative';
    expect(() => findRules('/')).toThrow(/XDG_CONFIG_HOME must be an absolute path/);
  });
});
