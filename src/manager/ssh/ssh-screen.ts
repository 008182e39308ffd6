/** The terminal UI on an SSH channel: `viv` on a pseudo-terminal of its own. */
import {bundledEntry} from '../bundle.js';
import {ManagerError} from '../protocol/errors.js';
import {noteGiven, onEased, untilGone, waitingBytes} from './client-end.js';
import type {TerminalChannel} from './ssh-console.js';

/** Kinds of terminals as they are named in terminfo. */
const TERM = /^[A-Za-z0-9][\w.+-]{0,63}$/;
/** Bytes that may wait for the client before the UI waits. */
const HIGH_WATER_BYTES = 262_144;

/** Runs the UI until it or the client ends; resolves with its status. Errors: not-supported (no pseudo-terminals) */
export async function serveScreen(
  {channel, socket, gone, size, onResize}: TerminalChannel,
  term: string,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const pty = await openUi(size, TERM.test(term) ? term : 'xterm-256color', environment);
  const ended = Promise.withResolvers<number>();
  let hasEnded = false;
  pty.onExit(({exitCode}) => {
    hasEnded = true;
    ended.resolve(exitCode);
  });
  const isFull = () => channel.writableLength + waitingBytes(socket) >= HIGH_WATER_BYTES;
  const goOn = () => {
    if (!isFull() && !hasEnded) pty.resume();
  };
  pty.onData((text) => {
    noteGiven(socket, text.length);
    channel.write(text, goOn);
    if (isFull()) pty.pause();
  });
  using _listening = onEased(socket, goOn);
  channel.on('data', (chunk: Buffer) => hasEnded || pty.write(chunk));
  onResize(({columns, rows}) => hasEnded || pty.resize(columns, rows));
  const left = untilGone(gone);
  const status = await Promise.race([ended.promise, left]);
  if (status !== undefined) return status;
  // One that waits to be read does not end.
  pty.resume();
  pty.kill('SIGHUP');
  return await ended.promise;
}

async function openUi({columns, rows}: TerminalChannel['size'], term: string, environment: NodeJS.ProcessEnv) {
  try {
    const {spawn} = await import('node-pty');
    return spawn(process.execPath, [bundledEntry('viv')], {
      name: term,
      cols: columns,
      rows,
      env: {...environment, TERM: term},
      // Bytes as they come: a piece may end in the middle of a character.
      encoding: null,
    });
  } catch (thrown) {
    throw new ManagerError(
      'not-supported',
      'This host has no pseudo-terminals for the terminal UI.',
      'Use the consoles: ssh NAME@localhost; viv doctor tells more.',
      {cause: thrown},
    );
  }
}
