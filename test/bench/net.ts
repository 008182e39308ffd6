/**
 * TCP of a Linux guest with a server of the host, here and through QEMU's user network (`-netdev user`), with the same guest:
 * one boot a round and side, in turns. The guest measures, and checks the bytes that come; the server checks what arrives.
 */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
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
const DEADLINE = 600;
/** As in `guest/net.c`. */
const PATTERN_BYTES = 65_536;
/** `echo` answers 64 bytes at a time, `connect` opens connections one after the other. */
const ROWS = ['receive', 'send', 'connect', 'echo'] as const;
/** Moved before the rows, for code to grow hot on either side. */
const WARM_MIB = 32;

const pattern = Buffer.alloc(PATTERN_BYTES, 0);
for (let i = 0; i < PATTERN_BYTES; i++) pattern[i] = Math.imul(i, 2_654_435_761) >>> 13;
/** One after the other, to take any part of. */
const twice = Buffer.concat([pattern, pattern]);

/** Serves what a connection's first byte asks for. */
function serve(socket: Socket, bulkBytes: () => number): void {
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  socket.once('data', (first: Buffer) => {
    const rest = first.subarray(1);
    switch (String.fromCharCode(first[0] ?? 0)) {
      case 'R':
        sendBulk(socket, bulkBytes());
        return;
      case 'S':
        checkBulk(socket, rest);
        return;
      case 'C':
        socket.end('x');
        return;
      default:
        if (rest.length > 0) socket.write(rest);
        socket.on('data', (bytes: Buffer) => socket.write(bytes));
        socket.on('end', () => socket.end());
    }
  });
}

function sendBulk(socket: Socket, bytes: number): void {
  let sent = 0;
  const more = () => {
    while (sent < bytes) {
      sent += PATTERN_BYTES;
      if (!socket.write(pattern)) return;
    }
    socket.end();
  };
  socket.on('drain', more);
  more();
}

function checkBulk(socket: Socket, first: Buffer): void {
  let at = 0;
  let isRight = true;
  const take = (bytes: Buffer) => {
    for (let done = 0; done < bytes.length; ) {
      const begin = at % PATTERN_BYTES;
      const length = Math.min(bytes.length - done, PATTERN_BYTES);
      if (twice.compare(bytes, done, done + length, begin, begin + length) !== 0) isRight = false;
      at += length;
      done += length;
    }
  };
  take(first);
  socket.on('data', take);
  socket.on('end', () => socket.end(isRight ? 'y' : 'n'));
}

/** Runs all rows `rounds` times on both sides, bulk ones with `mib` mebibytes. */
export async function benchNet(
  self: OwnProgram,
  image: BuiltImage,
  guests: string,
  rounds: number,
  mib: number,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-net-'));
  let bulk = 0;
  const server = createServer({allowHalfOpen: true}, (socket) =>
    serve(socket, () => (bulk++ === 0 ? WARM_MIB : mib) * MIB),
  );
  try {
    const port = await listen(server);
    const rows = ROWS.join(' ');
    const script = `
while read -r module; do insmod "/lib/modules/boot/$module"; done </lib/modules/boot.list
cat /sys/bus/virtio/devices/*/modalias | xargs modprobe -q -a
. /lib/vivarium/network
bring_up_network
/bin/net 10.0.2.2 ${port} ${WARM_MIB} ${rows} >/dev/null </dev/null
/bin/net 10.0.2.2 ${port} ${mib} ${rows} </dev/null`;
    const data = readFileSync(join(guests, 'net-rv64'));
    const guest: LinuxGuest = {
      ...addToImage(image, folder, [{kind: 'file', path: 'bin/net', mode: 0o755, data}], script),
      ...{hartCount: 1, memoryBytes: 256 * MIB, console: 'serial', hasNetwork: true},
    };
    const sides = [
      {ran: [] as ReadonlyMap<string, number>[], boot: () => runOwnMachine(self, guest, folder, DEADLINE)},
      {
        ran: [] as ReadonlyMap<string, number>[],
        boot: async () => (await run(qemuCommand(guest), {deadline: DEADLINE})).output,
      },
    ] as const;
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        bulk = 0;
        side.ran.push(readRun(await side.boot()));
      }
      process.stderr.write(`net: round ${round + 1} of ${rounds}\n`);
    }
    report(sides[0].ran, sides[1].ran, mib);
  } finally {
    server.close();
    rmSync(folder, {recursive: true});
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
    });
  });
}

/** Units: microseconds by row */
function readRun(output: string): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const [, row, microseconds] of output.matchAll(/^(\w+) \d+ us (\d+)/gm)) times.set(row!, Number(microseconds));
  const missing = ROWS.filter((row) => !times.has(row));
  if (missing.length > 0) throw new Error(`a guest did not run ${missing.join(', ')}:\n${output.slice(-2000)}`);
  return times;
}

function report(
  ours: readonly ReadonlyMap<string, number>[],
  theirs: readonly ReadonlyMap<string, number>[],
  mib: number,
): void {
  console.log(`net, ${mib} MiB        viv ms    qemu ms   ratio   (each round's)`);
  const ratios: number[] = [];
  for (const row of ROWS) {
    const own = median(ours.map((times) => times.get(row)!));
    const other = median(theirs.map((times) => times.get(row)!));
    const each = ours.map((times, round) => (times.get(row)! / theirs[round]!.get(row)!).toFixed(2));
    ratios.push(own / other);
    const cells = [(own / 1e3).toFixed(0).padStart(9), (other / 1e3).toFixed(0).padStart(10)];
    console.log(`${row.padEnd(18)} ${cells.join(' ')} ${(own / other).toFixed(2).padStart(7)}   ${each.join(' ')}`);
  }
  console.log(`net, geomean of ${ROWS.length}: ${geomean(ratios).toFixed(2)} (qemu: -netdev user)`);
}
