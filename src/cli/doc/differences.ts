import { type Differing, differing } from '../../json/differing.ts';
import type { Json } from '../../json/json.ts';
import { formatPath } from '../../json/path.ts';
import { shortText } from './values.ts';

export type Difference = Omit<Differing, 'path' | 'isOrder'> & {
  /** `roles[id=42].name` */
  readonly path: string;
};

export function differences(before: Json | undefined, after: Json | undefined): Difference[] {
  return differing(before, after).map(({ path, isOrder: _, ...values }) => ({
    path: formatPath(path),
    ...values,
  }));
}

/** One line for people: `roles[id=42].name: "a" → "b"`. */
export function differenceText({ path, before, after }: Difference): string {
  const place = path === '' ? 'the whole document' : path;
  if (before === undefined) return `${place}: ${shortText(after)}`;
  return `${place}: ${shortText(before)} → ${shortText(after, '(removed)')}`;
}
