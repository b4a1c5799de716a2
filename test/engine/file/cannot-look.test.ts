import { InputError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { BindingError } from '../../../src/binding/index.ts';
import { cannotLook } from '../../../src/engine/file/cannot-look.ts';
import { systemError } from '../portable/intercept.ts';

const PATH = '/nowhere/mirror.lock';

describe('why nothing can be seen of a lock', () => {
  it.each([
    ['EIO', 'HOLDFAST_UNWRITABLE'],
    ['EMFILE', 'HOLDFAST_EXHAUSTED'],
  ])('is told by what the system said (%s) [H17, H23]', (said, code) => {
    expect(cannotLook(PATH, systemError(said))).toMatchObject({ code, path: PATH });
  });

  it('is told as want of descriptors where the binding found none [H23]', () => {
    const binding = new BindingError(PATH, systemError('EMFILE'), true);
    expect(cannotLook(PATH, binding)).toMatchObject({ code: 'HOLDFAST_EXHAUSTED', path: PATH });
  });

  it('is told as it is where the system did not say it [X51, R82]', () => {
    const others = [
      new BindingError(PATH, new Error('not found'), true),
      new TypeError('a fault'),
      new InputError('lock name', 'must be a string'),
    ];
    for (const error of others) expect(cannotLook(PATH, error)).toBe(error);
  });
});
