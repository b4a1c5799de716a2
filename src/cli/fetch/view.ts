import type { Task } from './task.ts';

/** What shows how far everything is. */
export interface View {
  /** This process fetches it. */
  begun(task: Task): void;
  /** There are more bytes of it, or fewer. */
  moved(task: Task): void;
  /** Somebody else fetches it. */
  waits(task: Task): void;
  /** It is over; `summary`: what became of it, where that is worth a line. */
  ended(task: Task, summary: string | undefined): void;
  /** Has something else printed. */
  print(printLines: () => void): void;
  close(): void;
}
