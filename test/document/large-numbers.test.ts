import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from 'holdfast';
import { openDocument, updateJson } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { memoryDirectory } from '../support/temp.ts';

// biome-ignore lint/suspicious/noExplicitAny: recipes work with whatever their text says
type Change = (value: any) => void;

/** The text of a file after a change of its object. */
const kinds: readonly [string, (text: string, change: Change) => Promise<string>][] = [
  [
    'updateJson',
    (text, change) => written(text, async (path) => void (await updateJson(path, (draft) => change(draft)))),
  ],
  [
    'update',
    (text, change) =>
      written(text, async (path) => {
        await using document = await openDocument(path);
        await document.update((draft) => change(draft));
      }),
  ],
  [
    'edit and save',
    (text, change) =>
      written(text, async (path) => {
        await using document = await openDocument(path);
        document.edit((draft) => change(draft));
        await document.save();
      }),
  ],
  [
    'a migration',
    (text, change) =>
      written(text.replace(/\}$/, ',"$version":1}'), async (path) => {
        await using document = await openDocument(path, { migrate: { version: 2, up: change } });
        await document.save();
      }).then((migrated) => migrated.replace('"$version":2,', '').replace(',"$version":2', '')),
  ],
];

async function written(text: string, change: (path: string) => Promise<void>): Promise<string> {
  const path = join(memoryDirectory(), 'sensors.json');
  writeFileSync(path, text);
  await change(path);
  return readFileSync(path, 'utf8');
}

/** `A`, `B` and `C` stand for numbers that no double holds. */
const NUMBERS = {
  A: '9007199254740993',
  B: '12345678901234567890',
  C: '0.1000000000000000055511151231257827',
};
const numbers = (text: string) => text.replace(/[ABC]/g, (name) => NUMBERS[name as keyof typeof NUMBERS]);

const RECORDS = '{"l":[{"n":A,"v":1},{"n":B,"v":2},{"n":C,"v":3}],"done":[]}';
const raise: Change = ({ l }) => {
  for (const record of l) record.v++;
};

describe.each(kinds)('a number that no double holds, in %s', (_, edited) => {
  it.each<[string, string, Change, string]>([
    [
      'when all records are changed, and the first is removed',
      RECORDS,
      (x) => {
        raise(x);
        x.l.shift();
      },
      '{"l":[{"n":B,"v":3},{"n":C,"v":4}],"done":[]}',
    ],
    [
      'when one is changed, and all are reversed',
      RECORDS,
      ({ l }) => {
        l[1].v = 9;
        l.reverse();
      },
      '{"l":[{"n":C,"v":3},{"n":B,"v":9},{"n":A,"v":1}],"done":[]}',
    ],
    [
      'when all are changed and sorted',
      RECORDS,
      (x) => {
        raise(x);
        x.l.sort((a: { v: number }, b: { v: number }) => b.v - a.v);
      },
      '{"l":[{"n":C,"v":4},{"n":B,"v":3},{"n":A,"v":2}],"done":[]}',
    ],
    [
      'when all are changed and filtered',
      RECORDS,
      (x) => {
        raise(x);
        x.l = x.l.filter(({ v }: { v: number }) => v !== 2);
      },
      '{"l":[{"n":B,"v":3},{"n":C,"v":4}],"done":[]}',
    ],
    [
      'when a bare value takes the place of the record before it',
      RECORDS,
      ({ l }) => {
        l[1].v = 9;
        l.splice(0, 1, 7);
      },
      '{"l":[7,{"n":B,"v":9},{"n":C,"v":3}],"done":[]}',
    ],
    [
      'when a new record comes before all, which are changed',
      RECORDS,
      (x) => {
        raise(x);
        x.l.unshift({ n: 1 });
      },
      '{"l":[{"n":1},{"n":A,"v":2},{"n":B,"v":3},{"n":C,"v":4}],"done":[]}',
    ],
    [
      'when its record moves to another list',
      RECORDS,
      ({ l, done }) => void done.push(...l.splice(0, 1), ...l.splice(1, 1)),
      '{"l":[{"n":B,"v":2}],"done":[{"n":A,"v":1},{"n":C,"v":3}]}',
    ],
    [
      'when its record moves to another list, and is changed',
      RECORDS,
      ({ l, done }) => {
        const [record] = l.splice(1, 1);
        record.v = 'done';
        done.push(record);
      },
      '{"l":[{"n":A,"v":1},{"n":C,"v":3}],"done":[{"n":B,"v":"done"}]}',
    ],
    [
      'when a copy of its record moves to another list',
      RECORDS,
      ({ l, done }) => void done.push({ ...l.shift(), at: 1 }),
      '{"l":[{"n":B,"v":2},{"n":C,"v":3}],"done":[{"n":A,"v":1,"at":1}]}',
    ],
    [
      'when its list gets another name',
      '{"l":[{"n":A,"v":1},{"n":C}],"z":0}',
      (x) => {
        x.items = x.l;
        delete x.l;
      },
      '{"z":0,"items":[{"n":A,"v":1},{"n":C}]}',
    ],
    [
      'when it gets another name',
      '{"l":[{"n":A},{"n":B}]}',
      ({ l }) => {
        for (const record of l) {
          record.tx = record.n;
          delete record.n;
        }
      },
      '{"l":[{"tx":A},{"tx":B}]}',
    ],
    [
      'when it moves to another list of numbers',
      '{"l":[A,B,1],"done":[]}',
      ({ l, done }) => void done.push(l.shift()),
      '{"l":[B,1],"done":[A]}',
    ],
    [
      'when the ids are counted anew',
      '{"l":[{"id":1,"n":A},{"id":2,"n":B},{"id":3,"n":C}]}',
      ({ l }) => {
        l.reverse();
        l.forEach((record: { id: number }, at: number) => {
          record.id = at + 1;
        });
      },
      '{"l":[{"id":1,"n":C},{"id":2,"n":B},{"id":3,"n":A}]}',
    ],
    [
      'when a part of its record is copied, and the record moves',
      '{"l":[{"n":1},{"at":{"x":C,"y":A,"all":[{"m":B},{"m":1}]}}],"done":[]}',
      ({ l, done }) => {
        const record = l.pop();
        record.at = { ...record.at, all: record.at.all.map((each: object) => ({ ...each, is: true })) };
        done.push(record);
      },
      '{"l":[{"n":1}],"done":[{"at":{"x":C,"y":A,"all":[{"m":B,"is":true},{"m":1,"is":true}]}}]}',
    ],
  ])('keeps its digits %s [D26]', async (_name, text, change, expected) => {
    expect(await edited(numbers(text), change)).toBe(numbers(expected));
  });
});

describe('a number that no double holds', () => {
  it('is refused where it stands once more, and nothing is written [D26]', async () => {
    const text = numbers('{"l":[{"n":A,"v":1}],"done":[]}');
    const path = join(memoryDirectory(), 'sensors.json');
    writeFileSync(path, text);
    const copy: Change = ({ l, done }) => void done.push({ ...l[0] });
    await expect(updateJson(path, copy)).rejects.toThrow(InputError);
    await expect(updateJson(path, copy)).rejects.toThrow(
      'value has 9007199254740992 at done[0].n, which may be 9007199254740993 or 9007199254740992: ',
    );
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('the records of a document with an identity of its own', () => {
  it('keep numbers that no double holds when they are changed and sorted [D26]', async () => {
    const text = numbers('[{"sku":"a","qty":3,"n":C},{"sku":"b","qty":2,"n":B}]');
    const change = async (path: string) => {
      await using document = await openDocument<{ qty: number }[]>(path, { identity: 'sku' });
      await document.update((draft) => {
        for (const record of draft) record.qty = 10 - record.qty;
        draft.sort((a, b) => b.qty - a.qty);
      });
    };
    expect(await written(text, change)).toBe(
      numbers('[{"sku":"b","qty":8,"n":B},{"sku":"a","qty":7,"n":C}]'),
    );
  });
});
