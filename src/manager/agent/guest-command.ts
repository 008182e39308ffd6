/**
 * A command in a guest with its streams, by nothing but what every QEMU guest agent can do. Output is never stored in the
 * guest: the command writes into named pipes, and each piece is taken by a program that reads once. What ends a stream is
 * a mark in it, since a pipe that waits for a reader cannot say that it has ended.
 *
 *   command ─▶ FOLDER/out, FOLDER/err ─▶ `dd count=1` ─▶ guest-exec-status ─▶ onOutput
 *   write() ─▶ guest-exec `cat` ─▶ FOLDER/in ─▶ command
 *
 * A command that prints faster than it is read waits in its pipe (64 KiB in Linux).
 */
import {randomBytes} from 'node:crypto';
import {ManagerError} from '../protocol/errors.js';
import type {GuestAgent} from './guest-agent.js';

/** Most bytes of input in one piece. */
export const INPUT_PIECE_BYTES = 65_536;
/** Longest command: agents that are shell scripts hand it on as one word, of which Linux allows 128 KiB. */
export const COMMAND_BYTES_MAX = 65_536;
/** Bytes that one read takes at most: what a pipe holds. */
const READ_BYTES = 65_536;

/** A stream of a command. */
export type OutputStream = 'stdout' | 'stderr';

/** What to run, and who takes what it prints. */
export interface GuestCommandRequest {
  readonly command: readonly string[];
  /** Without it the command reads /dev/null. */
  readonly hasInput: boolean;
  /** The next piece of this stream comes when it resolves. */
  onOutput(stream: OutputStream, bytes: Uint8Array): Promise<void>;
}

/** Makes folder and pipes, then leaves the rest to a process of its own: `START RUN FOLDER MARK input|none COMMAND…`. */
const START = `umask 077
mkdir "$2" && mkfifo "$2/in" "$2/out" "$2/err" || exit 125
if [ "$4" = input ]; then sleep 86400000 >"$2/in" 2>/dev/null </dev/null & echo $! >"$2/feed"; fi
setsid sh -c "$1" sh "$@" </dev/null >/dev/null 2>&1 &`;

/**
 * Both pipes stay open for reading and writing, so that nobody meets an end but the mark's; at last by a process that only
 * waits. Only programs are run: a builtin like \`exit\` would end this shell.
 */
const RUN = `d=$2 mark=$3 input=$4
shift 4
echo $$ >"$d/pid"
exec 8<>"$d/out" 9<>"$d/err"
if [ $input = input ]; then exec 7<"$d/in"; : >"$d/ready"; else exec 7</dev/null; fi
umask 022
: "\${HOME:=/root}"
export HOME
cd "$HOME" 2>/dev/null || cd /
(exec "$@") <&7 >"$d/out" 2>"$d/err" 7<&- 8>&- 9>&-
s=$?
exec 7<&-
printf '\\000%s %s\\n' $mark $s >&8
printf '\\000%s %s\\n' $mark $s >&9
exec sleep 86400000`;

/** Takes a piece of input; waits until the command has room for it. */
const FEED = 'cat >"$1/in"';
/** The command reads to the end. Not before it has opened its input. */
const END_INPUT = 'while [ -d "$1" ] && [ ! -e "$1/ready" ]; do sleep 0.05; done; kill "$(cat "$1/feed")"';
/** Lets go of whoever waits to open a pipe, ends the process that waits (\`pid\`) or all of the command (\`-pid\`), tidies up. */
const TIDY = `pid=$(cat "$1/pid")
kill -KILL "$2$pid"
[ -e "$1/feed" ] && kill "$(cat "$1/feed")"
for pipe in in out err; do : <>"$1/$pipe"; done
rm -rf "$1"`;

/** See the module. Dispose it to end the command, when it has not ended. */
export class GuestCommand implements AsyncDisposable {
  /** The command's status. Errors: no-agent, agent-failed, machine-failed, cancelled, and what `onOutput` throws */
  readonly exited: Promise<number>;
  readonly #agent: GuestAgent;
  readonly #folder: string;
  readonly #mark: string;
  readonly #request: GuestCommandRequest;
  readonly #abort = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  /** Not before there is a pipe: nobody would be told that there is nothing to end yet. */
  #inputTurn: Promise<unknown> = this.#started.promise;
  #isOver = false;

  private constructor(agent: GuestAgent, request: GuestCommandRequest, id: string) {
    this.#agent = agent;
    this.#request = request;
    this.#folder = `/run/vivarium-${id}`;
    this.#mark = randomBytes(16).toString('hex');
    this.exited = this.#run();
    // Whoever looks later is told; until then it is nobody's.
    this.exited.catch(() => undefined);
  }

  /** Starts a command. Errors: bad-request */
  static start(agent: GuestAgent, request: GuestCommandRequest): GuestCommand {
    checkCommand(request.command);
    return new GuestCommand(agent, request, randomBytes(8).toString('hex'));
  }

  /** Resolves when the guest has taken the piece, or its command has ended. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += INPUT_PIECE_BYTES) {
      const input = bytes.subarray(at, at + INPUT_PIECE_BYTES);
      await this.#feed({path: 'sh', arguments: ['-c', FEED, 'sh', this.#folder], input});
    }
  }

  /** No more input follows. */
  endInput(): Promise<void> {
    return this.#feed({path: 'sh', arguments: ['-c', END_INPUT, 'sh', this.#folder]});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.exited.catch(() => undefined);
  }

  async #run(): Promise<number> {
    const {command, hasInput} = this.#request;
    const words = [RUN, this.#folder, this.#mark, hasInput ? 'input' : 'none', ...command];
    let hasEnded = false;
    try {
      const {status} = await this.#agent.run({path: 'sh', arguments: ['-c', START, 'sh', ...words]});
      if (status !== 0)
        throw new ManagerError(
          'agent-failed',
          `The guest has no room or no means to run a command (status ${status}).`,
          'It needs a shell, mkfifo, setsid and dd, and a folder /run that can be written.',
        );
      this.#started.resolve();
      const [exit] = await Promise.all([this.#follow('stdout', 'out'), this.#follow('stderr', 'err')]);
      hasEnded = true;
      return exit;
    } finally {
      this.#isOver = true;
      this.#started.resolve();
      this.#abort.abort();
      this.#tidy(hasEnded ? '' : '-');
    }
  }

  /** Reads a stream to its mark; the status that stands there. */
  async #follow(stream: OutputStream, name: string): Promise<number> {
    const reader = {path: 'dd', arguments: [`if=${this.#folder}/${name}`, `bs=${READ_BYTES}`, 'count=1']};
    let held: Uint8Array = new Uint8Array(0);
    for (;;) {
      const {stdout} = await this.#agent.run(reader, this.#abort.signal);
      if (stdout.length === 0)
        throw new ManagerError(
          'agent-failed',
          'The guest lost the command.',
          'Something in the guest ended its shell.',
        );
      const {bytes, rest, status} = splitAtMark(Buffer.concat([held, stdout]), this.#mark);
      if (bytes.length > 0) await this.#request.onOutput(stream, bytes);
      if (status !== undefined) return status;
      held = rest;
    }
  }

  #feed(program: Parameters<GuestAgent['run']>[0]): Promise<void> {
    const mine = this.#inputTurn.then(async () => {
      if (this.#isOver) return;
      await this.#agent.run(program, this.#abort.signal).catch((thrown: unknown) => {
        // A command that has ended reads nothing more: that is no failure.
        if (!this.#isOver) throw thrown;
      });
    });
    this.#inputTurn = mine.catch(() => undefined);
    return mine;
  }

  #tidy(group: '' | '-'): void {
    this.#agent.run({path: 'sh', arguments: ['-c', TIDY, 'sh', this.#folder, group]}).catch((thrown: unknown) => {
      // The machine is gone, and the pipes with it.
      if (!(thrown instanceof ManagerError)) throw thrown;
    });
  }
}

/** What is before the mark; `rest` may be the beginning of one. */
function splitAtMark(
  all: Uint8Array,
  mark: string,
): {readonly bytes: Uint8Array; readonly rest: Uint8Array; readonly status?: number} {
  const text = Buffer.from(all.buffer, all.byteOffset, all.length);
  const start = `\0${mark} `;
  const at = text.indexOf(start, 0, 'latin1');
  if (at < 0) {
    for (let length = Math.min(start.length - 1, all.length); length > 0; length--)
      if (start.startsWith(text.toString('latin1', all.length - length)))
        return {bytes: all.subarray(0, all.length - length), rest: all.subarray(all.length - length)};
    return {bytes: all, rest: new Uint8Array(0)};
  }
  const status = /^(\d{1,3})\n/.exec(text.toString('latin1', at + start.length, at + start.length + 4))?.[1];
  // Its other half is still in the pipe.
  if (status === undefined) return {bytes: all.subarray(0, at), rest: all.subarray(at)};
  return {bytes: all.subarray(0, at), rest: new Uint8Array(0), status: Number(status) & 0xff};
}

function checkCommand(command: readonly string[]): void {
  if (command.length === 0)
    throw new ManagerError('bad-request', 'There is no command.', 'Name one: viv exec NAME -- uname -a');
  if (command.some((part) => part.includes('\0')))
    throw new ManagerError('bad-request', 'A command cannot hold a NUL character.', 'Leave it out.');
  if (command.reduce((sum, part) => sum + Buffer.byteLength(part) + 4, 0) > COMMAND_BYTES_MAX)
    throw new ManagerError('bad-request', 'The command is too long.', 'Pass long data on standard input.');
}
