import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheHome, configHome, stateHome } from '../../src/storage/home.ts';

const own = userInfo().homedir;

describe('the home directory', () => {
  it.each([[{}], [{ HOME: '' }], [{ HOME: '', XDG_STATE_HOME: '', XDG_CONFIG_HOME: '' }]])(
    'is that of the user database where the environment names none: %j [X5]',
    (env) => {
      const before = { ...process.env };
      onTestFinished(() => void Object.assign(process.env, before));
      for (const name of ['HOME', 'HOLDFAST_HOME', 'XDG_STATE_HOME', 'XDG_CONFIG_HOME'])
        delete process.env[name];
      Object.assign(process.env, env);

      expect(stateHome()).toBe(join(own, '.local/state/holdfast'));
      expect(configHome()).toBe(join(own, '.config/holdfast'));
      expect(stateHome(env)).toBe(join(own, '.local/state/holdfast'));
      expect(configHome(env)).toBe(join(own, '.config/holdfast'));
    },
  );

  it.each(['.', 'home', '~', '/a\0b'])(
    'is never %j, which is an error that says what to set [X5]',
    (HOME) => {
      const named = { code: 'HOLDFAST_INPUT', input: 'environment variable HOME' };

      expect(() => stateHome({ HOME })).toThrow(
        expect.objectContaining({ ...named, message: expect.stringContaining('set HOLDFAST_HOME') }),
      );
      expect(() => configHome({ HOME })).toThrow(
        expect.objectContaining({ ...named, message: expect.stringContaining('set XDG_CONFIG_HOME') }),
      );
    },
  );

  it('is not asked for where another variable says the place [X5]', () => {
    expect(stateHome({ HOME: '.', HOLDFAST_HOME: '/own' })).toBe('/own');
    expect(stateHome({ HOME: '.', XDG_STATE_HOME: '/state' })).toBe('/state/holdfast');
    expect(configHome({ HOME: '.', XDG_CONFIG_HOME: '/config' })).toBe('/config/holdfast');
  });
});

describe('the directory of what is fetched', () => {
  it.each([
    [{ HOLDFAST_CACHE: '/own', XDG_CACHE_HOME: '/caches', HOME: '/home/me' }, '/own'],
    [{ HOLDFAST_CACHE: '', XDG_CACHE_HOME: '/caches', HOME: '/home/me' }, '/caches/holdfast'],
    [{ XDG_CACHE_HOME: '', HOME: '/home/me' }, '/home/me/.cache/holdfast'],
    [{ HOME: '' }, join(own, '.cache/holdfast')],
  ])('of %j is %s [X5]', (env, directory) => {
    expect(cacheHome(env)).toBe(directory);
  });

  it.each(['HOLDFAST_CACHE', 'XDG_CACHE_HOME', 'HOME'])('is an error where %s is relative [X5]', (name) => {
    expect(() => cacheHome({ HOME: '/home/me', [name]: 'here' })).toThrow(
      new RegExp(`environment variable ${name} must be an absolute path, got "here"`),
    );
  });
});
