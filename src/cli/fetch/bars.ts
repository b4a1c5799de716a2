import { bytes, printable } from '../../errors/describe.ts';
import { coloursFor } from '../output/colour.ts';
import { LiveBlock } from '../output/live-block.ts';
import { note } from '../output/text.ts';
import type { Task } from './task.ts';
import type { View } from './view.ts';

const WIDEST_LABEL = 32;
const BAR = 20;
const FULL = '█';
const EMPTY = '░';

/** For a terminal: a line for each address that is being fetched, redrawn in place. */
export class Bars implements View {
  readonly #tasks = new Set<Task>();
  readonly #colours = coloursFor(2);
  #block: LiveBlock | undefined;

  begun(task: Task): void {
    this.#tasks.add(task);
    this.#block ??= new LiveBlock((width) => this.#lines(width));
  }

  moved(): void {} // it is redrawn by itself

  waits(task: Task): void {
    this.begun(task);
  }

  ended(task: Task, summary: string | undefined): void {
    this.#tasks.delete(task);
    if (summary !== undefined) this.print(() => note(`${task.name}: ${summary}`));
  }

  print(printLines: () => void): void {
    if (this.#block === undefined) printLines();
    else this.#block.above(printLines);
  }

  close(): void {
    this.#block?.close();
  }

  #lines(width: number): string[] {
    const tasks = [...this.#tasks];
    const widest = Math.max(0, ...tasks.map(({ job }) => [...printable(job.label)].length));
    const label = Math.min(widest, WIDEST_LABEL, Math.max(8, Math.floor(width / 3)));
    return tasks.map((task) => this.#line(task, label, width));
  }

  /** As much of it as there is room for: first the extent goes, then the bar. */
  #line(task: Task, label: number, width: number): string {
    const name = fitted(printable(task.job.label), label);
    if (task.isWaiting) return cut(`${name}  ${task.wait}`, width);
    const { percent, extent, pace } = task;
    if (extent === undefined) return cut(`${name}  connecting`, width);
    const { done, total } = extent;
    const share = percent === undefined ? [] : [`${String(percent).padStart(3)} %`];
    const amount = total === undefined ? bytes(done) : `${bytes(Math.min(done, total))} of ${bytes(total)}`;
    const bar = percent === undefined ? '' : barOf(percent);
    for (const parts of [
      [bar, ...share, amount, ...pace],
      [bar, ...share, ...pace],
      [...share, ...pace],
    ]) {
      const text = [name, ...parts.filter((part) => part !== '')].join('  ');
      if (text.length <= width) return bar === '' ? text : text.replace(bar, this.#colours.green(bar));
    }
    return cut([name, ...share].join('  '), width);
  }
}

function barOf(percent: number): string {
  const full = Math.floor((percent * BAR) / 100);
  return FULL.repeat(full) + EMPTY.repeat(BAR - full);
}

function fitted(text: string, width: number): string {
  return cut(text, width).padEnd(width);
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : text;
}
