/** The terminal lent to another program: it runs in the UI's place, and the UI is there again when it ends. */
import {spawn} from 'node:child_process';
import {constants} from 'node:os';
import type {ReadStream, WriteStream} from 'node:tty';
import type {StdinRouter} from '../terminal/stdin-router.js';
import {text} from '../text/text.js';

/** Ends of ssh's that are none of the person's doing: it could not connect. */
const FAILED = 255;

/** What of the UI uses the terminal. */
export interface LenderParts {
  /** Takes the terminal, and gives it back. */
  readonly host: {enter(): void; leave(): void};
  /** Writes nothing between `hold` and `release`. */
  readonly output: {hold(): void; release(): void};
  readonly router: () => StdinRouter;
  /** The person has left meanwhile: the terminal is not taken again. */
  readonly isEnded: () => boolean;
}

/** See the module. One at a time; whoever is asked meanwhile says no. */
export class TerminalLender {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #host: LenderParts['host'];
  readonly #held: LenderParts['output'];
  readonly #router: () => StdinRouter;
  readonly #isEnded: () => boolean;
  #isLent = false;

  constructor(input: ReadStream, output: WriteStream, {host, output: held, router, isEnded}: LenderParts) {
    this.#input = input;
    this.#output = output;
    this.#host = host;
    this.#held = held;
    this.#router = router;
    this.#isEnded = isEnded;
  }

  /** Runs this program once more, with other arguments. Resolves when it has ended and what it said was read. */
  async lend(args: readonly string[]): Promise<void> {
    if (this.#isLent) return;
    this.#isLent = true;
    this.#held.hold();
    this.#router().isMuted = true;
    this.#host.leave();
    // In the terminal's usual mode Ctrl-C is sent to all programs on it; it is meant for the one that runs.
    const ignore = () => undefined;
    const signals = ['SIGINT', 'SIGQUIT'] as const;
    for (const signal of signals) process.on(signal, ignore);
    try {
      const [status, error] = await run(args);
      if (error !== undefined) this.#output.write(`${error.message}\r\n`);
      if (status === FAILED || status === 1 || error !== undefined) await this.#waitForEnter();
    } finally {
      for (const signal of signals) process.off(signal, ignore);
      this.#isLent = false;
      this.#router().isMuted = false;
      if (!this.#isEnded()) {
        this.#host.enter();
        this.#held.release();
      }
    }
  }

  /** What went wrong would be gone with the screen that it stands on. */
  async #waitForEnter(): Promise<void> {
    this.#output.write(`\r\n${text.session.leadsBack}`);
    this.#input.resume();
    await new Promise<void>((resolve) => {
      const look = (bytes: Uint8Array) => {
        if (!bytes.includes(0x0a) && !bytes.includes(0x0d)) return;
        this.#input.off('data', look);
        resolve();
      };
      this.#input.on('data', look);
      this.#input.once('end', () => resolve());
    });
    this.#input.pause();
  }
}

function run(args: readonly string[]): Promise<[number, Error | undefined]> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [process.argv[1] ?? '', ...args], {stdio: 'inherit'});
    child.on('error', (error) => resolve([1, error]));
    child.on('close', (status, signal) =>
      resolve([status ?? 128 + (signal === null ? 0 : constants.signals[signal]), undefined]),
    );
  });
}
