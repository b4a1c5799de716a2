import { parsePattern, type Token } from './pattern.ts';
import { decidesAll, type Strategy } from './strategy.ts';

/** Which strategies hold at a path and below it. */
export interface Rules {
  readonly strategy: Strategy | undefined;
  readonly isVolatile: boolean;
  /** Whether `sum` may decide here or below, so that two equal changes count twice. */
  readonly counts: boolean;
  /** Those at a member of this name. */
  member(name: string): Rules;
  /** Those at an element. */
  readonly element: Rules;
}

interface Pattern {
  readonly tokens: readonly Token[];
  readonly strategy: Strategy;
}

/** How many tokens of which pattern the path has matched. */
interface Progress {
  readonly pattern: Pattern;
  readonly matched: number;
}

/** The rules at the root. Of several patterns that match a path, the first one counts. */
export function compileRules(strategies: Iterable<readonly [string, Strategy]>): Rules {
  const patterns = [...strategies].map(([text, strategy]) => ({ tokens: parsePattern(text), strategy }));
  if (patterns.length === 0) return NONE;
  const compiled = new Map<string, Rules>();
  const names = new Set(patterns.flatMap(({ tokens }) => tokens.flatMap((token) => token.name ?? [])));

  /** All paths with the same progress have the same rules, which are made once. */
  const rulesOf = (progress: readonly Progress[], isOpen = true): Rules => {
    const here = progress.find(({ pattern, matched }) => matched === pattern.tokens.length);
    const strategy = here?.pattern.strategy;
    const isSum = ({ pattern }: Progress) => pattern.strategy === 'sum';
    const counts = isOpen && !decidesAll(strategy) && progress.some(isSum);
    const places = progress.map(({ pattern, matched }) => `${patterns.indexOf(pattern)}:${matched}`);
    const key = [counts, ...places].join();
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const next = (step: Step) => rulesOf(advance(progress, step), counts);
    const rules = new Compiled({ strategy, counts }, names, next);
    compiled.set(key, rules);
    return rules;
  };
  return rulesOf(patterns.flatMap((pattern) => through({ pattern, matched: 0 })));
}

const NONE: Rules = {
  strategy: undefined,
  isVolatile: false,
  counts: false,
  member: () => NONE,
  get element() {
    return NONE;
  },
};

type Here = Pick<Rules, 'strategy' | 'counts'>;
type Step = { readonly name: string | undefined } | 'element';

class Compiled implements Rules {
  readonly strategy: Strategy | undefined;
  readonly isVolatile: boolean;
  readonly counts: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #next: (step: Step) => Rules;
  readonly #members = new Map<string | undefined, Rules>();
  #element: Rules | undefined;

  constructor({ strategy, counts }: Here, names: ReadonlySet<string>, next: (step: Step) => Rules) {
    this.strategy = strategy;
    this.isVolatile = strategy === 'volatile' || strategy === 'ignore';
    this.counts = counts;
    this.#names = names;
    this.#next = next;
  }

  member(text: string): Rules {
    const name = this.#names.has(text) ? text : undefined; // no pattern tells the other names apart
    let rules = this.#members.get(name);
    if (rules === undefined) {
      rules = this.#next({ name });
      this.#members.set(name, rules);
    }
    return rules;
  }

  get element(): Rules {
    this.#element ??= this.#next('element');
    return this.#element;
  }
}

function advance(progress: readonly Progress[], step: Step): Progress[] {
  const next = progress.flatMap(({ pattern, matched }) => {
    const token = pattern.tokens[matched];
    if (token === undefined) return [];
    if (token.kind === 'any') return through({ pattern, matched });
    const fits = step === 'element' ? token.kind === 'element' : fitsMember(token, step.name);
    return fits ? through({ pattern, matched: matched + 1 }) : [];
  });
  const isFirst = ({ pattern, matched }: Progress, at: number) =>
    next.findIndex((other) => other.pattern === pattern && other.matched === matched) === at;
  return next.filter(isFirst);
}

function fitsMember(token: Token, name: string | undefined): boolean {
  return token.kind === 'member' && (token.name === undefined || token.name === name);
}

/** A token for any number of steps is also passed without a step. */
function through({ pattern, matched }: Progress): Progress[] {
  const isAny = pattern.tokens[matched]?.kind === 'any';
  return isAny
    ? [{ pattern, matched }, ...through({ pattern, matched: matched + 1 })]
    : [{ pattern, matched }];
}
