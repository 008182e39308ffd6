/**
 * The SSH server: public keys only, on the loopback interface, with a host key of its own. The library is loaded when
 * somebody connects: a daemon that nobody reaches that way does without its memory.
 *
 *   connection ─▶ Admission.enter ─▶ key exchange ─▶ publickey (at most AUTH_TRIES_MAX) ─▶ Admission.logIn ─▶ sessions
 *                     └ closed            └─── closed after LOGIN_GRACE_MS ───┘               └ closed
 *
 * Keys are exchanged strictly (against prefix truncation, CVE-2023-48795) with whoever can.
 */
import {createServer, type Server, type Socket} from 'node:net';
import {homedir} from 'node:os';
import {join} from 'node:path';
import type ssh2 from 'ssh2';
import type {AuthContext, Connection} from 'ssh2';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Settings} from '../settings/settings.js';
import {Admission, LOGIN_GRACE_MS} from './admission.js';
import type {AuthorizedKey} from './authorized-keys.js';
import {HOST_ALIAS, HOST_KEY_NAME, OWN_KEY_NAME, SCREEN_USER} from './client-names.js';
import {REKEY_BYTES, type RenewalBounds, renewKeys} from './key-renewal.js';
import type {Login, SessionParts} from './ssh-session.js';

/** Where it listens. */
export const SSH_ADDRESS = '127.0.0.1';
/** Keys a client may try. */
export const AUTH_TRIES_MAX = 10;
/** Bytes that may wait for a client that does not read; then it is gone. */
export const UNREAD_BYTES_MAX = 16 * 1_048_576;
/** Where the SSH servers of guests listen. */
const GUEST_SSH_PORT = 22;
/** Connections that wait to be accepted by this process. */
const BACKLOG = 32;

/** What it is made of. Paths are absolute. */
export interface SshServerOptions extends SessionParts {
  readonly settings: Settings['ssh'];
  /** Keys of Vivarium's own. */
  readonly folder: string;
  /** Keys of others that may log in. */
  readonly authorizedFile: string;
  /** For tests: `REKEY_BYTES` and `UNREAD_BYTES_MAX`. */
  readonly bounds?: Partial<RenewalBounds>;
}

/** Where it can be reached, or why it cannot. */
export interface SshStatus {
  readonly port?: number;
  readonly reason?: string;
}

/** The parts that come with the library. */
interface Loaded {
  readonly server: ssh2.Server;
}

/** See the module. Disposing it ends all connections. */
export class SshServer implements Disposable {
  readonly #options: SshServerOptions;
  readonly #listener: Server;
  readonly #admission = new Admission();
  /** By the client's port, which tells connections of the library apart. */
  readonly #sockets = new Map<number, Socket>();
  readonly #toldRemarks = new Set<string>();
  readonly #bounds: RenewalBounds;
  #loading: Promise<Loaded> | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #status: SshStatus = {reason: 'It is turned off (ssh.isEnabled).'};

  constructor(options: SshServerOptions) {
    this.#options = options;
    this.#bounds = {rekeyBytes: REKEY_BYTES, unreadBytes: UNREAD_BYTES_MAX, ...options.bounds};
    this.#listener = createServer({pauseOnConnect: true, noDelay: true}, (socket) => this.#accept(socket));
  }

  get status(): SshStatus {
    return this.#status;
  }

  /** Listens, when the settings say so. A port that is taken is told by \`status\` and stops nobody. */
  async listen(): Promise<void> {
    const {isEnabled, port} = this.#options.settings;
    if (!isEnabled) return;
    await new Promise<void>((resolve) => {
      this.#listener.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'another program listens there' : error.message;
        this.#status = {reason: `Port ${port} cannot be had: ${why}. Choose another one with ssh.port in daemon.json.`};
        console.error(`ssh: ${this.#status.reason}`);
        resolve();
      });
      this.#listener.listen({host: SSH_ADDRESS, port, backlog: BACKLOG}, () => {
        const address = this.#listener.address();
        this.#status = {port: typeof address === 'object' && address !== null ? address.port : port};
        resolve();
      });
    });
  }

  /** See the protocol's `sshAccess`. */
  async access(
    guest: string | undefined,
    signal: AbortSignal,
  ): Promise<{readonly configPath: string; readonly host: string}> {
    const {port, reason = ''} = this.#status;
    if (port === undefined)
      throw new ManagerError(
        'not-supported',
        `There is no SSH server. ${reason}`,
        'Use viv console and viv exec meanwhile.',
      );
    if (guest !== undefined) (await this.#options.streams.open(guest, GUEST_SSH_PORT, signal)).destroy();
    // Makes the host's key when nobody has come yet; the client's is made by one at a time.
    const {folder} = this.#options;
    const [{writeClientFiles}] = await Promise.all([import('./client-files.js'), this.#load()]);
    const writing = this.#writing.then(() => writeClientFiles(folder, SSH_ADDRESS, port));
    this.#writing = writing.catch(() => undefined);
    return {configPath: await writing, host: HOST_ALIAS};
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #accept(socket: Socket): void {
    const {remotePort} = socket;
    if (remotePort === undefined || !this.#admission.enter(performance.now())) {
      socket.destroy();
      return;
    }
    this.#sockets.set(remotePort, socket);
    const grace = setTimeout(() => socket.destroy(), LOGIN_GRACE_MS);
    let hadLoggedIn = false;
    socket.once('close', () => {
      clearTimeout(grace);
      this.#sockets.delete(remotePort);
      this.#admission.leave(hadLoggedIn);
    });
    // A client that asks without reading the answers.
    socket.on('data', () => socket.writableLength > this.#bounds.unreadBytes && socket.destroy());
    socket.pause();
    socket.on(LOGGED_IN, () => {
      hadLoggedIn = this.#admission.logIn();
      clearTimeout(grace);
      if (!hadLoggedIn) socket.destroy();
    });
    // Before the library has it, which listens itself.
    const ignore = () => undefined;
    socket.on('error', ignore);
    this.#load().then(
      ({server}) => {
        if (!socket.destroyed) server.injectSocket(socket);
      },
      (thrown: unknown) => {
        const {message, hint} = toManagerError(thrown);
        this.#status = {...this.#status, reason: `${message} ${hint}`};
        console.error(`ssh: ${message} ${hint}`);
        socket.destroy();
      },
    );
  }

  #load(): Promise<Loaded> {
    this.#loading ??= this.#make().catch((thrown: unknown) => {
      // The next one tries again: it may have been repaired.
      this.#loading = undefined;
      throw thrown;
    });
    return this.#loading;
  }

  async #make(): Promise<Loaded> {
    const [{default: library}, {ownKey}, {serveSessions}] = await Promise.all([
      import('ssh2'),
      import('./host-key.js'),
      import('./ssh-session.js'),
    ]);
    const {privateKey} = await ownKey(join(this.#options.folder, HOST_KEY_NAME), 'vivarium');
    const server = new library.Server({
      hostKeys: [privateKey],
      ident: 'vivarium',
      algorithms: {
        // The first is none that clients guess: the library loses an exchange that was begun by a right guess (dropbear).
        kex: ['curve25519-sha256@libssh.org', 'curve25519-sha256', 'ecdh-sha2-nistp256'],
        cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-ctr'],
        hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
        compress: ['none'],
      },
    });
    server.on('connection', (connection, {port}) => {
      const socket = this.#sockets.get(port);
      if (socket === undefined) connection.end();
      else this.#serve(connection, socket, (login) => serveSessions(connection, socket, login, this.#options));
    });
    return {server};
  }

  #serve(connection: Connection, socket: Socket, serveAs: (login: Login) => void): void {
    let tries = 0;
    let login: Login | undefined;
    // A client that leaves in the middle is no news.
    connection.on('error', () => socket.destroy());
    connection.on('authentication', (context) => {
      if (context.method === 'publickey' && ++tries > AUTH_TRIES_MAX) {
        socket.destroy();
        return;
      }
      this.#authenticate(context).then(
        (allowed) => {
          if (allowed === undefined) return context.reject(['publickey']);
          // Also where it only asked whether a key would do; who is in has signed with the last one.
          login = allowed;
          context.accept();
        },
        (thrown: unknown) => {
          console.error(thrown);
          context.reject(['publickey']);
        },
      );
    });
    connection.on('ready', () => {
      socket.emit(LOGGED_IN);
      renewKeys(connection, socket, this.#bounds);
      // At once: the client may ask for a session in the same breath.
      if (login !== undefined) serveAs(login);
    });
  }

  async #authenticate(context: AuthContext): Promise<Login | undefined> {
    if (context.method !== 'publickey') return undefined;
    const {key, signature, blob, hashAlgo, username} = context;
    // Signatures over SHA-1 prove nothing any more.
    if (key.algo === 'ssh-rsa' && signature !== undefined && hashAlgo === undefined) return undefined;
    const {mayReach, readAuthorizedKeys} = await import('./authorized-keys.js');
    const {folder, authorizedFile, environment} = this.#options;
    const home = environment['HOME'] || homedir();
    const {keys, remarks} = await readAuthorizedKeys(
      join(home, '.ssh'),
      join(folder, `${OWN_KEY_NAME}.pub`),
      authorizedFile,
    );
    this.#tell(remarks);
    const isIt = (one: AuthorizedKey) => one.key.getPublicSSH().equals(key.data);
    const place = username === SCREEN_USER ? undefined : this.#nameOf(username);
    const known = keys.filter(isIt).find((one) => mayReach(one, place));
    if (known === undefined) return undefined;
    const login: Login = {user: username, mayReach: (name) => keys.filter(isIt).some((one) => mayReach(one, name))};
    // Without a signature the client only asks whether the key would do.
    if (signature === undefined || blob === undefined) return login;
    return known.key.verify(blob, signature, hashAlgo) === true ? login : undefined;
  }

  /** Keys are for names; a machine may be asked for by its id as well. */
  #nameOf(reference: string): string {
    const machines = this.#options.fleet.all();
    return machines.find(({id}) => id === reference)?.name ?? reference;
  }

  /** Each once: a client that tries again learns nothing new. */
  #tell(remarks: readonly string[]): void {
    for (const remark of remarks) if (!this.#toldRemarks.has(remark)) console.error(`ssh: ${remark}`);
    // As they are now: one that was repaired and broken again is news.
    this.#toldRemarks.clear();
    for (const remark of remarks) this.#toldRemarks.add(remark);
  }
}

/** What a socket tells its counter when its client has logged in. */
const LOGGED_IN = 'vivarium-logged-in';
