/** Debian's own guest agent, run on the host as the test's user: what it is asked for happens in the test's folder. */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempDisposable} from 'node:fs/promises';
import {connect, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {AgentSession} from '../../src/manager/agent/agent-session.js';
import {GuestAgent} from '../../src/manager/agent/guest-agent.js';
import {until} from './daemon.js';

/** See the module. */
export class HostAgent implements AsyncDisposable {
  readonly session: AgentSession;
  readonly agent: GuestAgent;
  /** For the test's files. */
  readonly folder: string;
  readonly #home: AsyncDisposable;
  readonly #child: ChildProcess;
  readonly #socket: Socket;

  private constructor(home: {readonly path: string} & AsyncDisposable, child: ChildProcess, socket: Socket) {
    this.folder = home.path;
    this.#home = home;
    this.#child = child;
    this.#socket = socket;
    this.session = new AgentSession({
      get isGuestOpen() {
        return !socket.destroyed;
      },
      listen: ({output}) => void socket.on('data', output),
      write: (bytes) => {
        socket.write(bytes);
        return bytes.length;
      },
    });
    this.agent = new GuestAgent((request) => this.session.request(request));
  }

  static async start(): Promise<HostAgent> {
    const home = await mkdtempDisposable(join(tmpdir(), 'viv-agent-'));
    const socketPath = join(home.path, 'agent.sock');
    const child = spawn('qemu-ga', ['--method=unix-listen', `--path=${socketPath}`, `--statedir=${home.path}`], {
      stdio: 'ignore',
      env: {...process.env, HOME: home.path},
    });
    let socket: Socket | undefined;
    await until(async () => {
      const tried = connect({path: socketPath});
      const isThere = await Promise.race([
        once(tried, 'connect').then(() => true),
        once(tried, 'close').then(() => false),
      ]).catch(() => false);
      if (isThere) socket = tried;
      return isThere;
    });
    return new HostAgent(home, child, socket!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    const {exitCode, signalCode} = this.#child;
    if (exitCode === null && signalCode === null) {
      const ended = once(this.#child, 'exit');
      // It does not always end when it is asked to while its channel closes.
      this.#child.kill('SIGKILL');
      await ended;
    }
    await this.#home[Symbol.asyncDispose]();
  }
}
