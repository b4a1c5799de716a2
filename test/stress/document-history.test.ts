import { expect, it } from 'vitest';
import { violationsOf } from './document-history.mjs';

const fine = () => ({
  confirmed: new Map([
    ['w0.0', 'w0'],
    ['w1.0', 'w1'],
  ]),
  refused: new Map([['w1.1', 'HOLDFAST_TIMEOUT']]),
  landed: new Set(['replace.0', 'rewrite.0', 'replace.1']),
  destroyed: new Set(['w1.0', 'replace.1']),
  torn: [],
  final: ['w0.0', 'replace.0'],
  beside: new Set(['rewrite.0']),
});
const NOTHING = { lost: [], swallowed: [], refusedAndWritten: [], torn: [] };

it('a stress run of documents passes whose changes are there, kept beside, or known to be overwritten by outsiders', () => {
  expect(violationsOf(fine())).toEqual(NOTHING);
});

it.each([
  ['lost', ['w0.0'], { final: ['replace.0'] }],
  ['lost', ['w1.0'], { destroyed: new Set(['replace.1']), beside: new Set(['w1.0', 'rewrite.0']) }],
  ['swallowed', ['rewrite.0'], { beside: new Set<string>() }],
  ['swallowed', ['replace.1'], { destroyed: new Set(['w1.0']) }],
  ['refusedAndWritten', ['w1.1 HOLDFAST_TIMEOUT'], { final: ['w0.0', 'replace.0', 'w1.1'] }],
  ['torn', ['w0: no ledger'], { torn: ['w0: no ledger'] }],
])('a stress run of documents fails where something is %s: %j', (kind, found, other) => {
  expect(violationsOf({ ...fine(), ...other })).toEqual({ ...NOTHING, [kind]: found });
});
