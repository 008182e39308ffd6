/**
 * What a client that has logged in may do, by the name it logged in with:
 *
 *   ssh NAME@localhost            the console of the machine NAME
 *   ssh NAME@localhost COMMAND    a command in its guest, through the guest's agent
 *   ssh viv@localhost             the terminal UI
 *
 * Everything else that SSH can do (forwarding, agents, X11, subsystems) is refused.
 */
import type {Socket} from 'node:net';
import type {Connection, PseudoTtyInfo, ServerChannel, Session, WindowChangeInfo} from 'ssh2';
import {type TerminalSize, terminalSizeSchema} from '../protocol/console.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {AgentService} from '../services/agent-service.js';
import type {ConsoleHub} from '../services/console-hub.js';
import type {Fleet} from '../services/fleet.js';
import {serveConsole, type TerminalChannel} from './ssh-console.js';
import {serveCommand} from './ssh-exec.js';
import {serveScreen} from './ssh-screen.js';

/** Name under which the terminal UI is reached. */
export const SCREEN_USER = 'viv';
/** Sessions that one connection may have open at a time, as with OpenSSH. */
export const SESSIONS_MAX = 10;
/** Status of what could not be done at all, as `ssh` itself ends with. */
const STATUS_FAILED = 255;

/** What sessions work with. */
export interface SessionParts {
  readonly fleet: Fleet;
  readonly consoles: ConsoleHub;
  readonly agents: AgentService;
  readonly environment: NodeJS.ProcessEnv;
}

/** Answers the sessions of a connection that has logged in as `user`. */
export function serveSessions(connection: Connection, socket: Socket, user: string, parts: SessionParts): void {
  let open = 0;
  connection.on('session', (accept, reject) => {
    if (open >= SESSIONS_MAX) return reject();
    open++;
    const session = accept();
    session.on('close', () => {
      open--;
    });
    serveSession(session, socket, user, parts);
  });
}

function serveSession(session: Session, socket: Socket, user: string, parts: SessionParts): void {
  let size: TerminalSize = {columns: 80, rows: 24};
  let term = '';
  let resized: (size: TerminalSize) => void = () => undefined;
  // One program a session; the library lets none follow.
  session.on('pty', (acceptPty, _reject, info) => {
    size = readSize(info, size);
    // The library's types leave it out of what a terminal is asked for with.
    term = 'term' in info && typeof info.term === 'string' ? info.term : '';
    acceptPty?.();
  });
  session.on('window-change', (acceptChange, _reject, info) => {
    size = readSize(info, size);
    resized(size);
    acceptChange?.();
  });
  const terminal = (channel: ServerChannel): TerminalChannel => ({
    channel,
    socket,
    size,
    onResize: (listener) => {
      resized = listener;
    },
  });
  session.on('shell', (acceptShell) => {
    const channel = acceptShell();
    void answer(channel, channel, async () => {
      if (user === SCREEN_USER) return serveScreen(terminal(channel), term, parts.environment);
      await serveConsole(terminal(channel), parts.fleet, parts.consoles, user);
      return 0;
    });
  });
  session.on('exec', (acceptExec, _reject, {command}) => {
    const channel = acceptExec();
    void answer(channel, channel.stderr, () => {
      if (user === SCREEN_USER)
        throw new ManagerError(
          'bad-request',
          `${SCREEN_USER}@ is the terminal UI and takes no command.`,
          'Run one in a guest: ssh NAME@localhost uname -a',
        );
      return serveCommand(channel, parts.agents.of(user), command);
    });
  });
}

/** Ends a channel with a status; what went wrong is one sentence on it, and the next step. */
async function answer(
  channel: ServerChannel,
  errors: NodeJS.WritableStream,
  serve: () => Promise<number>,
): Promise<void> {
  channel.on('error', (error: Error) => console.error(`ssh: ${error.message}`));
  let status = STATUS_FAILED;
  try {
    status = await serve();
  } catch (thrown) {
    const {code, message, hint, cause} = toManagerError(thrown);
    if (code === 'internal') console.error(cause);
    if (channel.writable) errors.write(`viv: ${message}\r\n     ${hint}\r\n`);
  }
  if (!channel.writable) return;
  channel.exit(status);
  channel.end();
}

function readSize(
  {cols, rows}: Pick<PseudoTtyInfo & WindowChangeInfo, 'cols' | 'rows'>,
  before: TerminalSize,
): TerminalSize {
  return terminalSizeSchema.safeParse({columns: cols, rows}).data ?? before;
}
