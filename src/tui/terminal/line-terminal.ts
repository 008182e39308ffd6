/** The person's terminal where nothing is drawn: keys come one by one, and no sequence is ever written to it. */
import type {ReadStream} from 'node:tty';

const FATAL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Raw mode and signals of one terminal, given back on dispose. */
export class LineTerminal implements Disposable {
  readonly #input: ReadStream;
  readonly #onSignal: (signal: NodeJS.Signals) => void;
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  #isActive = false;

  /** `onSignal` is told about a signal that ends the program; the terminal is as it was before it. */
  constructor(input: ReadStream, onSignal: (signal: NodeJS.Signals) => void) {
    this.#input = input;
    this.#onSignal = onSignal;
  }

  /** Takes the keyboard. */
  enter(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    this.#input.setRawMode(true);
    this.#input.resume();
    process.on('exit', this.leave);
    process.on('uncaughtExceptionMonitor', this.leave);
    for (const signal of FATAL_SIGNALS) {
      // Of an earlier time.
      if (this.#handlers.has(signal)) continue;
      const handler = () => {
        // Ctrl-C in a terminal that was lent is for whoever has it.
        if (!this.#isActive && (signal === 'SIGINT' || signal === 'SIGQUIT')) return;
        this.leave();
        this.#onSignal(signal);
      };
      this.#handlers.set(signal, handler);
      process.on(signal, handler);
    }
  }

  /** Gives the keyboard back; harmless when called twice. */
  readonly leave = (): void => {
    if (!this.#isActive) return;
    this.#isActive = false;
    process.off('exit', this.leave);
    process.off('uncaughtExceptionMonitor', this.leave);
    if (!this.#input.destroyed) this.#input.setRawMode(false);
    this.#input.pause();
  };

  [Symbol.dispose](): void {
    this.leave();
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    this.#handlers.clear();
  }
}
