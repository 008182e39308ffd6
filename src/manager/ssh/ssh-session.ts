/**
 * What a client that has logged in may do, by the name it logged in with:
 *
 *   ssh NAME@localhost            the console of the machine NAME
 *   ssh NAME@localhost COMMAND    a command in its guest, through the guest's agent
 *   sftp NAME@localhost           the files of its guest, in the same way
 *   ssh viv@localhost             the terminal UI
 *
 * and connections into guests, see `ssh-tunnel.ts`. Everything else that SSH can do (listening for others, agents, X11) is
 * refused.
 */
import type {Socket} from 'node:net';
import type {Connection, PseudoTtyInfo, ServerChannel, Session, WindowChangeInfo} from 'ssh2';
import {type TerminalSize, terminalSizeSchema} from '../protocol/console.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {AgentService} from '../services/agent-service.js';
import type {ConsoleHub} from '../services/console-hub.js';
import type {Fleet} from '../services/fleet.js';
import type {GuestStreams} from '../services/guest-streams.js';
import {type ClientEnd, InputGuard, signalGone} from './client-end.js';
import {SCREEN_USER} from './client-names.js';
import {serveFiles} from './sftp/sftp-session.js';
import {serveConsole, type TerminalChannel} from './ssh-console.js';
import {serveCommand} from './ssh-exec.js';
import {serveScreen} from './ssh-screen.js';
import {serveTunnels, TUNNELS_MAX} from './ssh-tunnel.js';

/** The subsystem that clients for files ask for. */
const SFTP = 'sftp';
/** Sessions that one connection may have open at a time, as with OpenSSH. */
export const SESSIONS_MAX = 10;
/** Status of what could not be done at all, as `ssh` itself ends with. */
const STATUS_FAILED = 255;

/** What sessions work with. */
export interface SessionParts {
  readonly fleet: Fleet;
  readonly consoles: ConsoleHub;
  readonly agents: AgentService;
  readonly streams: Pick<GuestStreams, 'open'>;
  readonly environment: NodeJS.ProcessEnv;
}

/** Who has logged in: under which name, and which machines the key reaches besides. */
export interface Login {
  readonly user: string;
  mayReach(name: string): boolean;
}

/** Answers the sessions and tunnels of a connection that has logged in. */
export function serveSessions(connection: Connection, socket: Socket, login: Login, parts: SessionParts): void {
  const {user} = login;
  // A listener of each session and tunnel, for when the client has read what waited.
  socket.setMaxListeners(3 * (SESSIONS_MAX + TUNNELS_MAX));
  const guard = new InputGuard(socket);
  const own = user === SCREEN_USER ? undefined : user;
  serveTunnels(connection, socket, guard, {...parts, own, mayReach: (name) => login.mayReach(name)});
  let open = 0;
  connection.on('session', (accept, reject) => {
    if (open >= SESSIONS_MAX) return reject();
    open++;
    const session = accept();
    const gone = signalGone(socket, (listener) => session.on('close', listener));
    gone.addEventListener('abort', () => open--, {once: true});
    serveSession(session, {socket, gone}, guard, user, parts);
  });
}

function serveSession(
  session: Session,
  below: Pick<ClientEnd, 'socket' | 'gone'>,
  guard: InputGuard,
  user: string,
  parts: SessionParts,
): void {
  let size: TerminalSize = {columns: 80, rows: 24};
  let term = '';
  let hasTerminal = false;
  let resized: (size: TerminalSize) => void = () => undefined;
  // One program a session; the library lets none follow.
  session.on('pty', (acceptPty, _reject, info) => {
    size = readSize(info, size);
    hasTerminal = true;
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
    ...below,
    channel,
    size,
    onResize: (listener) => {
      resized = listener;
    },
  });
  session.on('shell', (acceptShell) => {
    const channel = guard.watch(acceptShell(), below.gone);
    void answer(channel, channel, async () => {
      if (user === SCREEN_USER) return serveScreen(terminal(channel), term, parts.environment);
      await serveConsole(terminal(channel), parts.fleet, parts.consoles, user);
      return 0;
    });
  });
  session.on('exec', (acceptExec, _reject, {command}) => {
    const channel = guard.watch(acceptExec(), below.gone);
    void answer(channel, channel.stderr, () => {
      if (user === SCREEN_USER)
        throw new ManagerError(
          'bad-request',
          `${SCREEN_USER}@ is the terminal UI and takes no command.`,
          'Run one in a guest: ssh NAME@localhost uname -a',
        );
      if (hasTerminal)
        throw new ManagerError(
          'not-supported',
          'Commands in a guest run without a terminal: its agent has none to give.',
          `Leave out -t, or type it on the console: ssh ${user}@localhost. The guest's own SSH server has terminals, by -J.`,
        );
      return serveCommand({...below, channel}, parts.agents.of(user), command);
    });
  });
  session.on('subsystem', (acceptSubsystem, reject, {name}) => {
    if (name !== SFTP) return reject?.();
    const channel = guard.watch(acceptSubsystem(), below.gone);
    void answer(channel, channel.stderr, () => {
      if (user === SCREEN_USER)
        throw new ManagerError(
          'bad-request',
          `${SCREEN_USER}@ is the terminal UI and has no files.`,
          'Those of a guest: sftp -P 2222 NAME@localhost',
        );
      return serveFiles({...below, channel}, parts.agents.of(user));
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
