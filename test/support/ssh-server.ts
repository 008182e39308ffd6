/** An SSH server in the test's own process, in a folder of its own, whose keys are the test's. */
import {mkdtempDisposable, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {AgentService} from '../../src/manager/services/agent-service.js';
import {ConsoleHub} from '../../src/manager/services/console-hub.js';
import {Fleet} from '../../src/manager/services/fleet.js';
import {GuestStreams} from '../../src/manager/services/guest-streams.js';
import {loadSettings} from '../../src/manager/settings/settings.js';
import {SshServer, type SshServerOptions} from '../../src/manager/ssh/ssh-server.js';

/** What differs from the ordinary. `authorizedKeys` are lines of that file. */
export interface TestServerOptions {
  readonly port?: number;
  readonly authorizedKeys?: string;
  readonly fleet?: Fleet;
  readonly streams?: Pick<GuestStreams, 'open'>;
  readonly bounds?: SshServerOptions['bounds'];
}

/** See the module. Disposing it ends all connections and removes the folder. */
export class TestSshServer implements AsyncDisposable {
  readonly server: SshServer;
  /** Keys of the server's own. */
  readonly folder: string;
  readonly authorizedFile: string;
  readonly #home: AsyncDisposable;

  private constructor(home: {readonly path: string} & AsyncDisposable, server: SshServer) {
    this.server = server;
    this.folder = join(home.path, 'ssh');
    this.authorizedFile = join(home.path, 'authorized_keys');
    this.#home = home;
  }

  static async start(options: TestServerOptions = {}): Promise<TestSshServer> {
    const {
      port = 0,
      authorizedKeys = '',
      fleet = new Fleet(),
      streams = new GuestStreams(fleet),
      bounds = {},
    } = options;
    const home = await mkdtempDisposable(join(tmpdir(), 'viv-ssh-'));
    const settings = await loadSettings(join(home.path, 'none.json'));
    await writeFile(join(home.path, 'authorized_keys'), authorizedKeys, {mode: 0o600});
    const server = new SshServer({
      settings: {isEnabled: true, port},
      folder: join(home.path, 'ssh'),
      authorizedFile: join(home.path, 'authorized_keys'),
      fleet,
      consoles: new ConsoleHub(
        settings.console,
        () => home.path,
        async () => undefined,
      ),
      agents: new AgentService(fleet),
      streams,
      environment: {HOME: home.path},
      bounds,
    });
    await server.listen();
    return new TestSshServer(home, server);
  }

  get port(): number {
    return this.server.status.port ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server[Symbol.dispose]();
    await this.#home[Symbol.asyncDispose]();
  }
}
