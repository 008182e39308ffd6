/** The terminal UI on an SSH channel: `viv` on a pseudo-terminal of its own. */
import {bundledEntry} from '../bundle.js';
import {ManagerError} from '../protocol/errors.js';
import {untilGone} from './client-end.js';
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
  pty.onData((text) => {
    channel.write(text, () => {
      if (channel.writableLength + socket.writableLength < HIGH_WATER_BYTES) pty.resume();
    });
    if (channel.writableLength + socket.writableLength >= HIGH_WATER_BYTES) pty.pause();
  });
  const drained = () => pty.resume();
  socket.on('drain', drained);
  channel.on('data', (chunk: Buffer) => hasEnded || pty.write(chunk));
  onResize(({columns, rows}) => hasEnded || pty.resize(columns, rows));
  const left = untilGone(gone);
  try {
    const status = await Promise.race([ended.promise, left]);
    if (status !== undefined) return status;
    pty.kill('SIGHUP');
    return await ended.promise;
  } finally {
    socket.off('drain', drained);
  }
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
