import fc from 'fast-check';
import { InputError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { draftOf } from '../../src/json/draft.ts';
import { parseJson } from '../../src/json/parse.ts';
import { patchText } from '../../src/json/patch.ts';

interface Row {
  id: number;
  v?: string;
  w?: number;
  peer?: number;
}

interface Rows {
  s: Row[];
  [more: string]: unknown;
}

/** `#1` stands for a number that is one double with `#2`, `#3` and `#0`. */
const numbers = (text: string) => text.replace(/#(\d)/g, '123456789012345678$1');
const short = (text: string) => text.replace(/123456789012345678(\d)/g, '#$1');

/** The text after a program changed its draft, or gave another value back. */
function edited<T = Rows>(text: string, recipe: (draft: T) => unknown): string {
  const full = numbers(text);
  const { value, exact } = draftOf(parseJson(full).value);
  const made = recipe(value as T);
  return short(patchText(full, exact(made === undefined ? value : made)));
}

const S = '{"s":[{"id":#1,"v":"a"},{"id":#2,"v":"b"},{"id":#3,"v":"c"}]}';
const row = (rows: readonly Row[], at: number) => rows[at] as Row;

describe('a draft of records whose ids are one double', () => {
  it.each<[string, (draft: Rows) => unknown, string]>([
    ['one is removed', ({ s }) => void s.splice(0, 1), '{"s":[{"id":#2,"v":"b"},{"id":#3,"v":"c"}]}'],
    [
      'one is changed, and another removed',
      ({ s }) => {
        row(s, 1).v = 'B';
        s.splice(0, 1);
      },
      '{"s":[{"id":#2,"v":"B"},{"id":#3,"v":"c"}]}',
    ],
    [
      'they are filtered',
      (x) => {
        x.s = x.s.filter(({ v }) => v !== 'b');
      },
      '{"s":[{"id":#1,"v":"a"},{"id":#3,"v":"c"}]}',
    ],
    [
      'they are reversed and changed',
      ({ s }) => {
        s.reverse();
        row(s, 0).v = 'C';
        row(s, 2).v = 'A';
      },
      '{"s":[{"id":#3,"v":"C"},{"id":#2,"v":"b"},{"id":#1,"v":"A"}]}',
    ],
    [
      'one moves to another list',
      (x) => {
        x.t = x.s.splice(1, 1);
      },
      '{"s":[{"id":#1,"v":"a"},{"id":#3,"v":"c"}],"t":[{"id":#2,"v":"b"}]}',
    ],
    [
      'one is added',
      ({ s }) => void s.unshift({ id: 5 }),
      '{"s":[{"id":5},{"id":#1,"v":"a"},{"id":#2,"v":"b"},{"id":#3,"v":"c"}]}',
    ],
    ['the root is a copy', (x) => ({ ...x, n: 1 }), S.replace(/\}$/, ',"n":1}')],
    ['all is a copy, and nothing changed', (x) => structuredClone(x), S],
    [
      'one has a new id',
      ({ s }) => {
        row(s, 0).id = 7;
      },
      S.replace('#1', '7'),
    ],
  ])('keeps each id with its record when %s [D26]', (_, recipe, expected) => {
    expect(edited(S, recipe)).toBe(expected);
  });

  it.each<[string, (draft: Rows) => unknown]>([
    ['copies of all', (x) => ({ s: x.s.map((each) => ({ ...each, w: 1 })) })],
    ['copies of some', (x) => ({ s: x.s.filter(({ v }) => v !== 'a').map((each) => ({ ...each, w: 1 })) })],
    ['a clone of which one is gone', (x) => ({ s: structuredClone(x.s).slice(1) })],
    ['a changed copy in the place of one', ({ s }) => void s.splice(1, 1, { ...row(s, 1), v: 'B' })],
    ['a copy at the end for one that went', ({ s }) => void s.push({ ...(s.shift() as Row) })],
    ['an id in a new member', (x) => Object.assign(x, { first: x.s[0]?.id })],
    ['an id in another list', (x) => Object.assign(x, { t: x.s.map(({ id }) => id) })],
    ['a copy in another place', (x) => Object.assign(x, { t: { ...row(x.s, 1) } })],
    ['what toJSON makes of one', (x) => Object.assign(x, { t: { toJSON: () => ({ id: row(x.s, 1).id }) } })],
  ])('refuses %s, and names the numbers that may be meant [D26]', (_, recipe) => {
    expect(() => edited(S, recipe)).toThrow(InputError);
    expect(() => edited(S, recipe)).toThrow(
      /^value has 1234567890123456800 at \S+, which may be 1234567890123456781, 1234567890123456782 or 1234567890123456783: numbers that are one to a program\. Change the draft in place/,
    );
  });

  it('takes a copy for none of the records in its new place [D26]', () => {
    const text = '{"s":[{"id":#1},{"id":#2}],"chosen":[{"id":#2}],"main":{"id":#2,"v":"b"}}';
    expect(() => edited(text, (x) => Object.assign(x, { chosen: [{ ...row(x.s, 0), v: 'x' }] }))).toThrow(
      /at chosen\[0\]\.id/,
    );
    expect(() => edited(text, (x) => Object.assign(x, { main: { ...row(x.s, 0) } }))).toThrow(/at main\.id/);
    expect(edited(text, (x) => Object.assign(x, { chosen: [x.s[0]] }))).toBe(
      text.replace('"chosen":[{"id":#2', '"chosen":[{"id":#1'),
    );
  });

  it('gives no record the id of another, whatever a program does with the draft [D26]', () => {
    const at = fc.nat({ max: 4 });
    const pick = (rows: readonly Row[], index: number) => rows[index % rows.length];
    const steps = fc.oneof(
      at.map((index) => (x: Rows) => void x.s.splice(index, 1)),
      at.map((index) => (x: Rows) => void x.s.push(...x.s.splice(index, 1))),
      at.map((index) => (x: Rows) => void Object.assign(pick(x.s, index) ?? {}, { w: index })),
      at.map((index) => (x: Rows) => void x.s.splice(index, 1, { ...(pick(x.s, index) as Row), w: 9 })),
      at.map((index) => (x: Rows) => void x.s.push({ ...(pick(x.s, index) as Row) })),
      fc.constant((x: Rows) => void x.s.reverse()),
      fc.constant((x: Rows) => void Object.assign(x, { t: x.s.splice(0, 2) })),
      fc.constant((x: Rows) => void Object.assign(x, structuredClone(x))),
      at.map((index) => (x: Rows) => void Object.assign(x, { s: x.s.filter(({ w }) => w !== index) })),
    );
    const text = `{"s":[${[0, 1, 2, 3].map((id) => `{"id":#${id},"v":"${id}"}`)}]}`;
    let written = 0;
    const property = fc.property(fc.array(steps, { maxLength: 5 }), (recipe) => {
      let after = '';
      try {
        after = edited(text, (x) => {
          for (const step of recipe) if (x.s.length > 0) step(x);
        });
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return;
      }
      written++;
      for (const [record] of after.matchAll(/\{[^{}]*"v"[^{}]*\}/g)) {
        expect(record).toMatch(/"id":#(\d),"v":"\1"/);
      }
    });
    fc.assert(property, { numRuns: 500 });
    expect(written).toBeGreaterThan(100);
  });

  it('of plain numbers keeps those that stay at an end, and refuses what could be either [D26]', () => {
    const list = (text: string, recipe: (draft: number[]) => void) => edited<number[]>(text, recipe);
    expect(list('[#1,5,#2]', (x) => void x.splice(1, 1))).toBe('[#1,#2]');
    expect(list('[#1,#2]', (x) => void x.push(5))).toBe('[#1,#2,5]');
    expect(list('[#1,#2]', (x) => void x.unshift(5))).toBe('[5,#1,#2]');
    for (const recipe of [
      (x: number[]) => void x.shift(),
      (x: number[]) => void x.pop(),
      (x: number[]) => void x.splice(1, 1, 5),
      (x: number[]) => void x.splice(0, 1, 5, 6),
    ]) {
      expect(() => list('[#1,#2]', recipe)).toThrow(/1234567890123456781 or 1234567890123456782/);
    }
    expect(() => list('[#1,5,#2]', (x) => void x.push(x.shift() as number))).toThrow(InputError);
  });

  it('names no more than three of many, and counts the others', () => {
    const text = `[${[1, 2, 3, 4, 5].map((at) => `#${at}`)}]`;
    expect(() => edited<number[]>(text, (x) => void x.pop())).toThrow(
      /1, 1234567890123456782, 1234567890123456783 or one of 2 more:/,
    );
  });

  it('tells apart a number that a double holds from those that it does not, in whatever spelling [D26]', () => {
    const text = '{"s":[{"id":1234567890123456800},{"id":#1},{"id":1.234567890123456782e18}]}';
    expect(edited(text, ({ s }) => void s.reverse())).toBe(
      '{"s":[{"id":1.234567890123456782e18},{"id":#1},{"id":1234567890123456800}]}',
    );
  });

  it('keeps other numbers that no double holds, also in records that changed [D26]', () => {
    const text = '{"s":[{"id":#1,"w":98765432109876543210},{"id":#2,"w":0.10000000000000000555}],"z":0.1}';
    expect(
      edited(text, ({ s }) => {
        s.reverse();
        row(s, 1).v = 'x';
        row(s, 0).v = 'y';
      }),
    ).toBe(
      '{"s":[{"id":#2,"w":0.10000000000000000555,"v":"y"},{"id":#1,"w":98765432109876543210,"v":"x"}],"z":0.1}',
    );
    expect(edited(text, (x) => Object.assign(x, { copy: x.z }))).toContain('"z":0.1,"copy":0.1');
  });

  it('leaves a fraction where it is, and a double of it elsewhere is that double [D26]', () => {
    const text = '{"s":[{"id":1,"w":0.1000000000000000055511151231257827}],"z":1e400}';
    expect(edited(text, (x) => void Object.assign(x, { w: row(x.s, 0).w }))).toBe(
      text.replace(/\}$/, ',"w":0.1}'),
    );
    expect(() => edited(text, (x) => void Object.assign(x, { w: x.z }))).toThrow(/Infinity at w, which JSON/);
  });

  it('refuses a value that contains itself, as any other draft does', () => {
    expect(() => edited(S, (x) => Object.assign(x, { self: x }))).toThrow(/contains itself/);
    expect(() => edited(S, (x) => Object.assign(x, { map: new Map() }))).toThrow(/contains a Map at map/);
  });
});

/** A record of which the text says which number belongs to it. */
interface Tagged {
  tag: number;
  v?: number;
  id?: number;
  n?: number;
  moved?: number;
}

interface Lists {
  a: Tagged[];
  b: Tagged[];
}

describe('a draft of numbers that no double holds, and that are several doubles', () => {
  const whole = ['9007199254740993', '98765432109876543210', '-18446744073709551615', '77777777777777777777'];
  const all = ['0.1000000000000000055511151231257827', '1e400', '-0', '1e-400', ...whole];
  const at = fc.nat({ max: 5 });
  const moves = [
    at.map((index) => (x: Lists) => void x.a.splice(index, 1)),
    at.map((index) => (x: Lists) => void x.b.push(...x.a.splice(index, 2))),
    at.map((index) => (x: Lists) => void x.a.unshift(...x.b.splice(index, 1))),
    at.map((index) => (x: Lists) => void x.a.splice(index, 1, { tag: -1, v: index })),
    at.map((index) => (x: Lists) => void x.a.splice(index, 1, index as never)),
    at.map((index) => (x: Lists) => void x.a.slice(index).map((each) => Object.assign(each, { v: index }))),
    at.map((index) => (x: Lists) => void x.b.map((each, id) => Object.assign(each, { id: id + index }))),
    fc.constant((x: Lists) => void x.a.reverse()),
    fc.constant((x: Lists) => void Object.assign(x, { a: x.b, b: x.a })),
    fc.constant((x: Lists) => void x.a.sort((one, other) => other.tag - one.tag)),
    at.map((index) => (x: Lists) => void Object.assign(x, { b: x.b.filter(({ v }) => v !== index) })),
  ];
  const copies = [
    at.map(
      (index) => (x: Lists) => void x.b.push(...x.a.splice(index, 1).map((each) => ({ ...each, v: 7 }))),
    ),
    at.map((v) => (x: Lists) => void Object.assign(x, { a: x.a.map((each) => ({ ...each, v })) })),
    at.map((index) => (x: Lists) => void x.a.splice(index, 1, { ...(x.a[index] as Tagged), id: 5 })),
    at.map((index) => (x: Lists) => void x.b.push({ ...(x.a[index] as Tagged) })),
    fc.constant((x: Lists) => void Object.assign(x, structuredClone(x))),
    at.map((index) => (x: Lists) => {
      const record = x.a[index];
      if (record?.n === undefined) return;
      record.moved = record.n;
      delete record.n;
    }),
  ];

  /** Runs recipes of such steps, and tells how many were written. */
  function written(numbersOf: readonly string[], steps: readonly fc.Arbitrary<(x: Lists) => void>[]): number {
    const records = numbersOf.map((number, tag) => `{"tag":${tag},"v":${tag % 2},"n":${number}}`);
    const half = records.length >> 1;
    const text = `{"a":[${records.slice(0, half)}],"b":[${records.slice(half)}]}`;
    let count = 0;
    const property = fc.property(fc.array(fc.oneof(...steps), { maxLength: 6 }), (recipe) => {
      let after = '';
      try {
        after = edited<Lists>(text, (x) => {
          for (const step of recipe) step(x);
        });
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return;
      }
      count++;
      for (const [record, tag] of after.matchAll(/\{"tag":(\d+)[^{}]*\}/g)) {
        const [, number] = /"(?:n|moved)":([^,}]*)/.exec(record) ?? [];
        expect(number, after).toBe(numbersOf[Number(tag)]);
      }
    });
    fc.assert(property, { numRuns: 500 });
    return count;
  }

  it('keeps each with its record, wherever records move, and refuses nothing [D26]', () => {
    expect(written(all, moves)).toBe(500);
  });

  it('keeps each with its record or refuses, also where copies and members of another name are made [D26]', () => {
    expect(written(whole, [...moves, ...copies])).toBeGreaterThan(300);
  });
});
