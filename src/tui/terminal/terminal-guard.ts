/**
 * Gives the terminal back when this process is killed in a way that it cannot notice: a shell in a session of its own that
 * waits for the end of a pipe. It costs a megabyte and no time; it is gone as soon as the terminal is given back as usual.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import type {ReadStream, WriteStream} from 'node:tty';

/**
 * First what the terminal shows, then its modes: a shell with job control sets those itself, and a line editor that has them
 * by now is left alone. What is turned on is what Node's raw mode turned off.
 * Shape:  $1 = bytes for the terminal; fd 0 = the pipe, 1 = the terminal to write to, 3 = the terminal to read from
 */
const SCRIPT = `trap '' HUP INT TERM
IFS= read -r word
printf '%s' "$1"
case "$(stty -a <&3)" in *-isig*) stty brkint icrnl ixon echo icanon iexten isig <&3;; esac`;

/** See the module. */
export class TerminalGuard implements Disposable {
  private shell: ChildProcess | undefined;

  /** Watches over a terminal from now on; `restore` is written to it if the process dies. What is none is left alone. */
  arm(input: ReadStream, output: WriteStream, restore: string): void {
    const [from, to] = [fdOf(input), fdOf(output)];
    if (this.shell !== undefined || !input.isTTY || !output.isTTY || from === undefined || to === undefined) return;
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', restore], {
      stdio: ['pipe', to, 'ignore', from],
      detached: true,
    });
    // A host without a shell has no guard.
    shell.on('error', () => undefined);
    shell.stdin?.on('error', () => undefined);
    shell.unref();
    this.shell = shell;
  }

  /** The terminal is given back: nothing is to be done any more. */
  [Symbol.dispose](): void {
    this.shell?.kill('SIGKILL');
    this.shell?.stdin?.destroy();
    this.shell = undefined;
  }
}

/** The types of terminals' streams do not have it. */
function fdOf(stream: ReadStream | WriteStream): number | undefined {
  return 'fd' in stream && typeof stream.fd === 'number' && stream.fd >= 0 ? stream.fd : undefined;
}
