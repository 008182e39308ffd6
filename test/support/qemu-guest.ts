/** Boots an image under QEMU, an emulator that is not ours, with the virtio ports that our machines have. */
import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, type Server, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {BuiltImage} from '../../src/manager/image/image-record.js';

/** True where QEMU for riscv64 is installed; tests that need it are skipped elsewhere. */
export const hasQemu: boolean = spawnSync('qemu-system-riscv64', ['--version']).status === 0;

/** What to boot. The first port is the console; the others have these names, in this order. */
export interface QemuOptions {
  readonly image: BuiltImage;
  readonly commandLine: string;
  readonly ports: readonly string[];
  readonly devices?: readonly string[];
}

/** Far more than a boot takes on a busy host. */
const MATCH_TIMEOUT_MS = 60_000;

/** One port's host end: collects what the guest writes. */
export class GuestPort {
  readonly socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #waiters: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    const wake = () => {
      for (const waiter of this.#waiters.splice(0)) waiter();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      wake();
    });
    socket.on('close', wake);
    socket.on('error', () => undefined); // QEMU ending resets what it has not read
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Takes everything up to and including the first match. Throws when QEMU ends, or a long wait does, before that. */
  async until(pattern: RegExp): Promise<string> {
    const deadline = AbortSignal.timeout(MATCH_TIMEOUT_MS);
    for (;;) {
      const text = this.#bytes.toString('latin1');
      const match = pattern.exec(text);
      if (match !== null) {
        const end = match.index + match[0].length;
        this.#bytes = this.#bytes.subarray(end);
        return text.slice(0, end);
      }
      if (this.socket.destroyed || deadline.aborted)
        throw new Error(`the guest did not write ${pattern}; it wrote: ${JSON.stringify(text)}`);
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        deadline.addEventListener('abort', () => resolve(), {once: true});
      });
    }
  }
}

/** A running guest. Dispose it to end QEMU. */
export class QemuGuest implements AsyncDisposable {
  readonly console: GuestPort;
  readonly #ports: ReadonlyMap<string, GuestPort>;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #serial = '';

  private constructor(child: ChildProcess, ports: ReadonlyMap<string, GuestPort>, folder: string) {
    this.#process = child;
    this.#ports = ports;
    this.#folder = folder;
    this.console = this.port('console');
    this.#exited = once(child, 'exit');
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#serial += chunk.toString('latin1');
    });
  }

  static async boot(options: QemuOptions): Promise<QemuGuest> {
    const folder = await mkdtemp(join(tmpdir(), 'viv-qemu-'));
    const names = ['console', ...options.ports];
    const servers = await Promise.all(names.map((_, index) => listen(join(folder, `port${index}`))));
    const sockets = servers.map(async (server): Promise<Socket> => {
      const [socket] = await once(server, 'connection');
      server.close();
      return socket;
    });
    const devices = names.flatMap((name, index) => [
      '-chardev',
      `socket,id=c${index},path=${join(folder, `port${index}`)}`,
      '-device',
      index === 0
        ? 'virtconsole,bus=console.0,chardev=c0'
        : `virtserialport,bus=ports.0,chardev=c${index},name=${name}`,
    ]);
    const child = spawn(
      'qemu-system-riscv64',
      [
        ...['-M', 'virt', '-m', '256', '-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-reboot'],
        ...['-kernel', options.image.kernelPath, '-initrd', options.image.initrdPath],
        ...['-append', options.commandLine, '-global', 'virtio-mmio.force-legacy=false'],
        ...['-device', 'virtio-serial-device,id=console,max_ports=1', '-device', 'virtio-serial-device,id=ports'],
        ...[...devices, ...(options.devices ?? [])],
      ],
      {stdio: ['ignore', 'pipe', 'inherit']},
    );
    const connected = await Promise.race([Promise.all(sockets), once(child, 'exit').then(() => undefined)]);
    if (connected === undefined) throw new Error('QEMU did not start');
    return new QemuGuest(child, new Map(connected.map((socket, i) => [names[i]!, new GuestPort(socket)])), folder);
  }

  /** What came over the serial line so far: firmware and kernel messages. */
  get serial(): string {
    return this.#serial;
  }

  port(name: string): GuestPort {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`the guest has no port ${name}`);
    return port;
  }

  /** Resolves when the guest has powered off or rebooted. */
  async ended(): Promise<void> {
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#exited;
    for (const port of this.#ports.values()) port.socket.destroy();
    await rm(this.#folder, {recursive: true});
  }
}

async function listen(path: string): Promise<Server> {
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  return server;
}
