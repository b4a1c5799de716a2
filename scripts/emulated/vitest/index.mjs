// What tests import from `vitest`, made of its own parts that are plain JavaScript: the rest of it needs native code
// that is not there for an emulated platform.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';

export * from '@vitest/runner';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

/** @param {unknown} value @param {string} [message] */
const make = (value, message) => chai.expect(value, message);
export const expect = Object.assign(make, chai.expect, Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT));
Reflect.set(globalThis, GLOBAL_EXPECT, expect);
setState({ assertionCalls: 0, isExpectingAssertions: false }, expect);
/** @type {any} */ (chai.expect).extend(expect, customMatchers);
