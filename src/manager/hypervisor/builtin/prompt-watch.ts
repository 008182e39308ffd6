/**
 * Sees a shell come to its first prompt: line editors ask the terminal where its cursor is once they wait for a line.
 * Source: ECMA-48 §8.3.35, device status report 6
 */

const QUESTION = '\x1b[6n';
/** Longest line that is remembered: a prompt is shorter. */
const MAX_LINE_CHARS = 1000;

/** Follows a console's output until its first prompt, or until that is of no interest any more. */
export class PromptWatch {
  #line = '';
  #listener: ((line: string) => void) | undefined;

  /** Called once, with the console's last line as bytes in latin1: the prompt and the question. */
  onPrompt(listener: (line: string) => void): void {
    this.#listener = listener;
  }

  written(bytes: Uint8Array): void {
    if (!this.#listener) return;
    this.#line = (this.#line + Buffer.from(bytes).toString('latin1')).slice(-MAX_LINE_CHARS);
    this.#line = this.#line.slice(this.#line.lastIndexOf('\n') + 1);
    if (!this.#line.endsWith(QUESTION)) return;
    const listener = this.#listener;
    this.giveUp();
    listener(this.#line);
  }

  giveUp(): void {
    this.#listener = undefined;
  }
}
