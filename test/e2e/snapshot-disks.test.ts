/**
 * A Debian guest under load that goes back and forth between snapshots with a disk: what it holds in memory and on the disk
 * is always what it held when that snapshot was taken. Layers that nothing needs are folded while it runs.
 */
import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {machineFork, machineKill, machineShow} from '../../src/manager/protocol/machine.js';
import {snapshotCreate, snapshotList, snapshotRemove, snapshotRestore} from '../../src/manager/protocol/snapshot.js';
import {TestConsole} from '../support/daemon.js';
import {Home} from '../support/home.js';
import {qemuCheck} from '../support/qemu-img.js';
import {SeededRandom} from '../support/seeded-random.js';

/** The long run has more; see CONTRIBUTING.md. */
const ROUNDS = Number(process.env['VIV_SNAPSHOT_ROUNDS'] ?? 10);
const TIME_MS = 120_000 + ROUNDS * 20_000;
const machine = 'one';

/** Runs a line in the guest's shell; resolves with what it printed. */
async function type(console: TestConsole, line: string): Promise<string> {
  const start = console.text.length;
  await console.type(`${line}\necho "do"ne\n`);
  await console.until(new RegExp(`^.{${start},}done\\r\\n`, 's'));
  return console.text.slice(start);
}

it(
  `keeps memory and disk together over ${ROUNDS} rounds of snapshots and restores under load`,
  async () => {
    await using home = await Home.createWithImage();
    const viv = async (...args: string[]) => expect(await home.viv(args)).toMatchObject({status: 0});
    await viv('create', 'debian-mini', '--name', machine, '--memory', '256M', '--disk', '256M');
    await viv('start', machine);
    await using client = await Client.connect({environment: {...process.env, ...home.environment}});
    let console = await TestConsole.open(client, machine);
    await console.until(/:~# /);
    await type(
      console,
      'mke2fs -q /dev/vda; mount -t ext4 /dev/vda /mnt; stty -echo; mkdir /mnt/d /tmp/m; PS1=; dmesg -n 1; touch /tmp/bad',
    );
    // Load: noise in memory that is checked all the time, and a file on the disk that is written all the time.
    await type(console, 'head -c 20000000 /dev/urandom >/tmp/m/noise; md5sum /tmp/m/noise >/tmp/m/sum');
    await type(console, 'while :; do md5sum -c /tmp/m/sum >/dev/null || echo BAD >>/tmp/bad; done &');
    await type(console, 'while :; do head -c 300000 /dev/urandom >/mnt/busy; sync; done &');
    /** What each snapshot's guest says of itself. */
    const known = new Map<string, string>();
    const look =
      'cat /tmp/round; cat /mnt/d/* | md5sum; ls /mnt/d | wc -l; cat /tmp/bad; dmesg | grep -ciE "error|oops|panic"';
    const random = new SeededRandom(2026);
    for (let round = 0; round < ROUNDS; round++) {
      await type(
        console,
        `echo round ${round} >/tmp/round; head -c 400000 /dev/urandom >/mnt/d/f${round % 5}; sync; echo 3 >/proc/sys/vm/drop_caches`,
      );
      const {snapshot} = await client.request(snapshotCreate, {machine, name: `s${round}`});
      expect(snapshot.pausedMs).toBeLessThan(5000);
      known.set(snapshot.name, await type(console, look));
      // What comes after it is not in it.
      await type(console, 'rm -f /mnt/d/f0; head -c 200000 /dev/urandom >/mnt/d/later; sync; echo lost >/tmp/round');
      const names = [...known.keys()];
      const target = names[random.below(names.length)]!;
      await client.request(snapshotRestore, {machine, snapshot: target, discardsPresent: true});
      expect(await type(console, `echo 3 >/proc/sys/vm/drop_caches; ${look}`)).toBe(known.get(target));
      expect(known.get(target)).not.toContain('BAD');
      // Some go while it runs, and their layers are folded.
      if (names.length > 4) {
        const gone = names.filter((name) => name !== target)[random.below(names.length - 1)]!;
        await client.request(snapshotRemove, {machine, snapshot: gone});
        known.delete(gone);
        expect(await type(console, `echo 3 >/proc/sys/vm/drop_caches; ${look}`)).toBe(known.get(target));
      }
    }
    // A fork of a snapshot has it as well, and its source's end is nothing to it.
    const [name, expected] = [...known].at(0)!;
    const fork = (await client.request(machineFork, {machine, name: 'two', snapshot: name})).machine;
    await client.request(machineKill, {machine});
    for (const one of (await client.request(snapshotList, {machine})).snapshots)
      await client.request(snapshotRemove, {machine, snapshot: one.id});
    await viv('rm', machine);
    console = await TestConsole.open(client, 'two');
    expect(await type(console, `stty -echo; echo 3 >/proc/sys/vm/drop_caches; ${look}`)).toContain(
      expected.replace(/done\r\n$/, ''),
    );
    await client.request(machineKill, {machine: 'two'});
    const {folder} = (await client.request(machineShow, {machine: fork.id})).machine;
    // Its process was killed: what it had reserved is leaked.
    const layers = (await readdir(join(folder, 'disks'))).filter((file) => file.endsWith('.qcow2'));
    for (const file of layers) expect((await qemuCheck(join(folder, 'disks', file))).errors, file).toBe(0);
  },
  TIME_MS,
);
