/**
 * TCP of a Linux guest with a server of the host, here and through QEMU's user network (`-netdev user`), with the same guest:
 * one boot a round and side, in turns. The host's end measures, from the first byte of a transfer, or connection of a row,
 * to the last.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer, type Server, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {addToImage} from './guest-image.js';
import {type LinuxGuest, type OwnProgram, qemuCommand} from './guest-process.js';
import {runOwnMachine} from './own-machine.js';
import {geomean, median, run} from './process.js';

const MIB = 1024 ** 2;
/** Units: seconds */
const DEADLINE = 300;
const BULK_BYTES = 256 * MIB;
const CONNECTIONS = 200;

/** Rows by name; the guest connects to one port for each, and once more before that, for code to grow hot. */
const ROWS = ['receive', 'send', 'connect'] as const;
type Row = (typeof ROWS)[number];

/** Servers of all rows, and what they measured since the last look. Units: milliseconds */
class Servers implements Disposable {
  readonly times = new Map<Row, number>();
  readonly #servers: Server[] = [];
  #connections = 0;
  #begun = 0;

  /** Listens; answers with the ports in the order of `ROWS`. */
  async listen(): Promise<number[]> {
    const handlers = [this.#receive, this.#send, this.#connect];
    const ports: number[] = [];
    for (const handler of handlers) {
      const server = createServer({allowHalfOpen: true}, (socket) => {
        socket.on('error', () => undefined);
        handler(socket);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      this.#servers.push(server);
      const bound = server.address();
      ports.push(typeof bound === 'object' && bound !== null ? bound.port : 0);
    }
    return ports;
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.close();
  }

  readonly #receive = (socket: Socket): void => {
    const begun = performance.now();
    const chunk = Buffer.alloc(MIB, 0xa5);
    let sent = 0;
    const more = (): void => {
      for (; sent < BULK_BYTES; ) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
      socket.end();
    };
    socket.on('drain', more);
    socket.on('end', () => this.times.set('receive', performance.now() - begun));
    socket.resume();
    more();
  };

  readonly #send = (socket: Socket): void => {
    const begun = performance.now();
    socket.on('end', () => {
      this.times.set('send', performance.now() - begun);
      socket.end();
    });
    socket.resume();
  };

  readonly #connect = (socket: Socket): void => {
    if (this.#connections++ % CONNECTIONS === 0) this.#begun = performance.now();
    socket.on('end', () => {
      if (this.#connections % CONNECTIONS === 0) this.times.set('connect', performance.now() - this.#begun);
    });
    socket.resume();
    socket.end('x');
  };
}

/** Runs all rows `rounds` times on both sides. */
export async function benchNet(self: OwnProgram, image: BuiltImage, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-net-'));
  using servers = new Servers();
  try {
    const [receive, send, connect] = await servers.listen();
    const count = `n=0; while [ $n -lt ${CONNECTIONS} ]; do nc 10.0.2.2 ${connect} </dev/null >/dev/null; n=$((n+1)); done`;
    const rows = `
nc 10.0.2.2 ${receive} </dev/null >/dev/null
dd if=/dev/zero bs=64k count=${BULK_BYTES / 65_536} 2>/dev/null | nc 10.0.2.2 ${send}
${count}`;
    const script = `
while read -r module; do insmod "/lib/modules/boot/$module"; done </lib/modules/boot.list
cat /sys/bus/virtio/devices/*/modalias | xargs modprobe -q -a
. /lib/vivarium/network
bring_up_network
${rows}${rows}
echo all rows ran`;
    const guest: LinuxGuest = {
      ...addToImage(image, folder, [], script),
      ...{hartCount: 1, memoryBytes: 256 * MIB, console: 'serial', hasNetwork: true},
    };
    const sides = [
      {ran: [] as Map<Row, number>[], boot: () => runOwnMachine(self, guest, folder, DEADLINE)},
      {ran: [] as Map<Row, number>[], boot: async () => (await run(qemuCommand(guest), {deadline: DEADLINE})).output},
    ] as const;
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        servers.times.clear();
        const output = await side.boot();
        if (servers.times.size < ROWS.length) throw new Error(`a guest did not run all rows:\n${output.slice(-2000)}`);
        side.ran.push(new Map(servers.times));
      }
      process.stderr.write(`net: round ${round + 1} of ${rounds}\n`);
    }
    report(sides[0].ran, sides[1].ran);
  } finally {
    rmSync(folder, {recursive: true});
  }
}

function report(ours: readonly Map<Row, number>[], theirs: readonly Map<Row, number>[]): void {
  console.log('net               viv ms    qemu ms   ratio   (each round’s)');
  const ratios: number[] = [];
  for (const row of ROWS) {
    const own = median(ours.map((times) => times.get(row)!));
    const other = median(theirs.map((times) => times.get(row)!));
    const each = ours.map((times, round) => (times.get(row)! / theirs[round]!.get(row)!).toFixed(2));
    ratios.push(own / other);
    const cells = [own.toFixed(0).padStart(9), other.toFixed(0).padStart(10), (own / other).toFixed(2).padStart(7)];
    console.log(`${row.padEnd(14)} ${cells.join(' ')}   ${each.join(' ')}`);
  }
  console.log(`net, geomean of ${ROWS.length}: ${geomean(ratios).toFixed(2)} (qemu: -netdev user)`);
}
