import { describe, expect, it, onTestFinished } from 'vitest';
import { catches } from '../../src/command/signals/process-status.ts';

describe('whether a process handles a signal', () => {
  it.each(['SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH'] as const)(
    'is read for this very one: %s, while there is a handler [A5]',
    (signal) => {
      const ignore = () => {};
      expect(catches(process.pid, signal)).toBe(false);
      process.on(signal, ignore);
      onTestFinished(() => void process.off(signal, ignore));
      expect(catches(process.pid, signal)).toBe(true);
      process.off(signal, ignore);
      expect(catches(process.pid, signal)).toBe(false);
    },
  );

  it('cannot be told of a process that is not there [A5]', () => {
    expect(catches(2 ** 22, 'SIGTERM')).toBeUndefined();
  });
});
