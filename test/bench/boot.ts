/**
 * Boot of debian-mini to its prompt, here and under QEMU with the same kernel and initramfs; then what an idle guest
 * costs.
 */
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {type GuestCommand, type LinuxGuest, type OwnProgram, ownCommand, qemuCommand} from './guest-process.js';
import {median, run} from './process.js';

const MEMORY_BYTES = 256 * 1024 ** 2;
/** What debian-mini's shell prints first. */
export const PROMPT = /debian-mini:.*# /;
const IDLE_SECONDS = 10;

/** Prints the boot ratio, the cost of an idle guest and the memory beyond what the guest touched. */
export async function benchBoot(self: OwnProgram, image: BuiltImage, rounds: number): Promise<void> {
  const {kernelPath, initrdPath, commandLine} = image;
  const guest: LinuxGuest = {
    ...{kernelPath, initrdPath, commandLine},
    hartCount: 1,
    memoryBytes: MEMORY_BYTES,
    console: 'virtio',
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push((await run(ownCommand(self, guest), {until: PROMPT})).milliseconds);
    theirs.push((await run(qemuCommand(guest), {until: PROMPT})).milliseconds);
    process.stderr.write(`boot: round ${round + 1} of ${rounds} done\n`);
  }
  const [own, other] = [median(ours), median(theirs)];
  console.log(
    `debian-mini to its prompt: ${own.toFixed(0)} ms, qemu ${other.toFixed(0)} ms, ratio ${(own / other).toFixed(2)}`,
  );
  await benchIdle(ownCommand(self, guest));
}

async function benchIdle({command, args, env}: GuestCommand): Promise<void> {
  const child = spawn(command, args, {env, stdio: ['ignore', 'pipe', 'inherit']});
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
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const bytesOf = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
    const resident = bytesOf('VmRSS');
    console.log(`idle guest: ${(share * 100).toFixed(2)} % of a core over ${IDLE_SECONDS} s`);
    const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(0);
    console.log(
      `memory: ${mib(resident)} MiB resident, ${mib(touched)} MiB touched by the guest, ${mib(resident - touched)} MiB beyond, of it ${mib(bytesOf('RssFile'))} MiB files that all machines share`,
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
