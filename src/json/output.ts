/** A new text that is put together from parts of an old one and new parts. Neighbouring parts of the old one are one copy. */
export class Output {
  readonly #old: string;
  readonly #newline: string;
  readonly #parts: string[] = [];
  /** The part of the old text that is to be written next. */
  #begin = 0;
  #end = 0;
  #isInComment = false;

  constructor(old: string, newline: string) {
    this.#old = old;
    this.#newline = newline;
  }

  copy(begin: number, end: number): void {
    if (begin >= end) return;
    if (this.#isInComment) this.#leaveComment(this.#old.charAt(begin));
    if (begin !== this.#end) {
      this.#flush();
      this.#begin = begin;
    }
    this.#end = end;
  }

  emit(text: string): void {
    if (text === '') return;
    if (this.#isInComment) this.#leaveComment(text.charAt(0));
    this.#flush();
    this.#parts.push(text);
  }

  /** What was written ends in a comment of one line: nothing else may stand on that line. */
  endsInComment(): void {
    this.#isInComment = true;
  }

  text(): string {
    this.#flush();
    return this.#parts.join('');
  }

  #leaveComment(next: string): void {
    this.#isInComment = false;
    if (next !== '\n' && next !== '\r') this.emit(this.#newline);
  }

  #flush(): void {
    if (this.#begin < this.#end) this.#parts.push(this.#old.slice(this.#begin, this.#end));
    this.#begin = this.#end;
  }
}
