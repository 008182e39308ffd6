/**
 * Boot of debian-mini to its prompt, here and under QEMU with the same kernel and initramfs; then what an idle guest
 * costs. Each of our runs is a process of its own, started as `bench.js --guest …`.
 */
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {assembleMachine} from '../../src/manager/hypervisor/builtin/assembly.js';
import {machineEnvironment, v8Flags} from '../../src/manager/hypervisor/builtin/node-flags.js';
import {median, run} from './process.js';

/** The files of an image. */
export interface BootImage {
  readonly kernelPath: string;
  readonly initrdPath: string;
  readonly commandLine: string;
}

const MEMORY_BYTES = 256 * 1024 ** 2;
const PROMPT = /debian-mini:.*# /;
const IDLE_SECONDS = 10;

/** Child side: boots the image, prints its console, and stays until it is killed. */
export async function runGuest(image: BootImage): Promise<never> {
  const assembled = await assembleMachine({
    memoryBytes: MEMORY_BYTES,
    hartCount: 1,
    boot: {kind: 'linux', ...image},
    disks: [],
    size: {columns: 100, rows: 30},
    ports: [],
  });
  const {machine, uart, console: guest} = assembled;
  assembled.onUart(() => uart.takeOutput());
  guest.ports[0]!.listen({output: (bytes) => process.stdout.write(bytes)});
  process.on('SIGUSR1', () => process.stdout.write(`touched ${machine.counters().touchedBytes}\n`));
  machine.start();
  const exit = await machine.exited;
  throw new Error(`the guest ended: ${JSON.stringify(exit.kind)}`);
}

/** Prints the boot ratio, the cost of an idle guest and the memory beyond what the guest touched. */
export async function benchBoot(self: string, image: BootImage, rounds: number): Promise<void> {
  // As the daemon starts a machine process.
  const guestArgs = [...v8Flags, self, '--guest', JSON.stringify(image)];
  const qemuArgs = [
    ...['-M', 'virt', '-m', String(MEMORY_BYTES / 1024 ** 2), '-display', 'none', '-serial', 'null'],
    ...['-kernel', image.kernelPath, '-initrd', image.initrdPath, '-append', image.commandLine],
    ...['-global', 'virtio-mmio.force-legacy=false', '-device', 'virtio-rng-device'],
    // The two console devices our machine has: the guest waits for the agent's port.
    ...['-device', 'virtio-serial-device,id=console,max_ports=1', '-device', 'virtio-serial-device,id=ports'],
    ...['-chardev', 'stdio,id=c', '-device', 'virtconsole,bus=console.0,chardev=c'],
    ...['-chardev', 'null,id=a', '-device', 'virtserialport,bus=ports.0,name=vivarium.agent,chardev=a'],
  ];
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push((await run(process.execPath, guestArgs, PROMPT, machineEnvironment())).milliseconds);
    theirs.push((await run('qemu-system-riscv64', qemuArgs, PROMPT)).milliseconds);
    process.stderr.write(`boot: round ${round + 1} of ${rounds} done\n`);
  }
  const [own, other] = [median(ours), median(theirs)];
  console.log(
    `debian-mini to its prompt: ${own.toFixed(0)} ms, qemu ${other.toFixed(0)} ms, ratio ${(own / other).toFixed(2)}`,
  );
  await benchIdle(guestArgs);
}

async function benchIdle(guestArgs: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, guestArgs, {env: machineEnvironment(), stdio: ['ignore', 'pipe', 'inherit']});
  try {
    let output = '';
    const until = (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve) => {
        const look = () => {
          const match = pattern.exec(output);
          if (match) resolve(match);
        };
        child.stdout.on('data', look);
        look();
      });
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (chunk: string) => {
      output += chunk;
    });
    await until(PROMPT);
    await pause(2);
    const before = cpuSeconds(child.pid!);
    await pause(IDLE_SECONDS);
    const share = (cpuSeconds(child.pid!) - before) / IDLE_SECONDS;
    child.kill('SIGUSR1');
    const touched = Number((await until(/touched (\d+)/))[1]);
    const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024;
    console.log(`idle guest: ${(share * 100).toFixed(2)} % of a core over ${IDLE_SECONDS} s`);
    const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(0);
    console.log(
      `memory: ${mib(resident)} MiB resident, ${mib(touched)} MiB touched by the guest, ${mib(resident - touched)} MiB beyond`,
    );
  } finally {
    child.kill('SIGKILL');
  }
}

const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

/** User and system time of a process with all its threads. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
