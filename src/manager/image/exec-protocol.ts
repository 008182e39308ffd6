/**
 * What host and guest say on the port `vivarium.exec.control` when a machine boots to run one command.
 *
 *   host                                             guest (configs/images/debian-mini/lib/vivarium/exec)
 *   `cwd|env|arg|stdin WORD` lines, then `run`  ──▶   runs the command on the ports .stdin, .stdout, .stderr
 *                                               ◀──   `exit STATUS` after the last byte of output, or `error TEXT`
 *   reads both output ports to their end, `done` ──▶  powers off
 *
 * A WORD stands for bytes: plain characters for themselves, all others as `\ooo`.
 */

/** Names of the ports, in the order in which the host must create them: the guest takes control for the last one. */
export const execPortNames = [
  'vivarium.exec.stdin',
  'vivarium.exec.stdout',
  'vivarium.exec.stderr',
  'vivarium.exec.control',
] as const;

/** Name of the port on which the guest says `ready` and the host may write `shutdown\n`, `reboot\n` or `ping\n`. */
export const agentPortName = 'vivarium.agent';

/** Name of the port on which programs of the guest speak the QEMU guest agent's dialect. Source: QEMU, docs/interop/qemu-ga */
export const guestAgentPortName = 'org.qemu.guest_agent.0';

/** A command for the guest. Strings go as UTF-8; bytes as they are. With `stdin: 'none'` the command reads /dev/null. */
export interface ExecRequest {
  readonly arguments: readonly (string | Uint8Array)[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin: 'pipe' | 'none';
}

/** What the guest answers. Units: status 0…255, 128 + n after signal n */
export type ExecReply =
  | {readonly kind: 'exited'; readonly status: number}
  | {readonly kind: 'failed'; readonly reason: string};

/** The host's last word: it has all the output, the guest may power off. */
export const execDone: Uint8Array = new TextEncoder().encode('done\n');

/**
 * Encodes a request for the control port.
 * Errors: throws RangeError on no arguments, NUL bytes, or an environment name that no shell accepts
 */
export function encodeExecRequest(request: ExecRequest): Uint8Array {
  if (request.arguments.length === 0) throw new RangeError('a command needs at least one argument');
  const lines: string[] = [];
  if (request.cwd !== undefined) lines.push(`cwd ${encodeWord(request.cwd)}`);
  for (const [name, value] of Object.entries(request.environment ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`not a variable name: ${JSON.stringify(name)}`);
    lines.push(`env ${encodeWord(`${name}=${value}`)}`);
  }
  for (const argument of request.arguments) lines.push(`arg ${encodeWord(argument)}`);
  lines.push(`stdin ${request.stdin}`, 'run');
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

/**
 * Decodes a request as the guest does; for tests and for guests that are not a shell script.
 * Errors: `undefined` when it is not complete or not well formed
 */
export function decodeExecRequest(bytes: Uint8Array): (ExecRequest & {readonly arguments: Uint8Array[]}) | undefined {
  const lines = new TextDecoder().decode(bytes).split('\n');
  if (lines.pop() !== '' || lines.pop() !== 'run') return undefined;
  const environment: Record<string, string> = {};
  const parsedArguments: Uint8Array[] = [];
  let cwd: string | undefined;
  let stdin: ExecRequest['stdin'] = 'none';
  for (const line of lines) {
    const space = line.indexOf(' ');
    const word = decodeWord(line.slice(space + 1));
    if (space < 0 || word === undefined) return undefined;
    const value = new TextDecoder().decode(word);
    switch (line.slice(0, space)) {
      case 'cwd':
        cwd = value;
        break;
      case 'env':
        environment[value.slice(0, value.indexOf('='))] = value.slice(value.indexOf('=') + 1);
        break;
      case 'arg':
        parsedArguments.push(word);
        break;
      case 'stdin':
        stdin = value === 'pipe' ? 'pipe' : 'none';
        break;
      default:
        return undefined;
    }
  }
  if (parsedArguments.length === 0) return undefined;
  return {arguments: parsedArguments, environment, stdin, ...(cwd === undefined ? {} : {cwd})};
}

/** A guest may be hostile: no line of a reply is longer than this. */
const MAX_REPLY_CHARS = 4096;

/** Collects the guest's bytes on the control port until a reply stands there. */
export class ExecReplyDecoder {
  #text = '';
  readonly #decoder = new TextDecoder();

  /** Takes bytes as they arrive; returns the reply once its line is complete. Lines of other kinds are passed over. */
  push(bytes: Uint8Array): ExecReply | undefined {
    this.#text += this.#decoder.decode(bytes, {stream: true});
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end < 0) break;
      const reply = parseReply(this.#text.slice(0, end));
      this.#text = this.#text.slice(end + 1);
      if (reply !== undefined) return reply;
    }
    if (this.#text.length > MAX_REPLY_CHARS) {
      this.#text = '';
      return {kind: 'failed', reason: 'the guest sent an endless line on the control port'};
    }
    return undefined;
  }
}

function parseReply(line: string): ExecReply | undefined {
  const exit = /^exit ([0-9]{1,3})\r?$/.exec(line);
  if (exit !== null) return {kind: 'exited', status: Number(exit[1]) & 0xff};
  if (line.startsWith('error ')) return {kind: 'failed', reason: line.slice(6).trimEnd()};
  return undefined;
}

const PLAIN = /[a-zA-Z0-9_./=:,+@%-]/;

function encodeWord(value: string | Uint8Array): string {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  let word = '';
  for (const byte of bytes) {
    if (byte === 0) throw new RangeError('an argument cannot hold a NUL byte');
    const character = String.fromCharCode(byte);
    word += PLAIN.test(character) ? character : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return word;
}

function decodeWord(word: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (let i = 0; i < word.length; i += 1) {
    const octal = /^\\([0-3][0-7]{2})/.exec(word.slice(i, i + 4));
    if (octal !== null) {
      bytes.push(Number.parseInt(octal[1]!, 8));
      i += 3;
    } else if (PLAIN.test(word[i]!)) {
      bytes.push(word.charCodeAt(i));
    } else {
      return undefined;
    }
  }
  return Uint8Array.from(bytes);
}
