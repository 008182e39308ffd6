/**
 * Linux guests of the benchmarks, each in a process of its own: ours is started as `bench.js --guest …` with the flags
 * the daemon gives a machine process, QEMU with the same kernel, initramfs, memory and processors.
 */
import type {Tier} from '../../src/engine/machine.js';
import {EngineHost} from '../../src/manager/hypervisor/builtin/engine-host.js';
import {machineEnvironment, v8Flags} from '../../src/manager/hypervisor/builtin/node-flags.js';
import {findPaths} from '../../src/manager/paths.js';
import {loadSettings} from '../../src/manager/settings/settings.js';

/** The bundled benchmark, which is also our machine's program, and how the machine runs guest code. */
export interface OwnProgram {
  readonly path: string;
  /** Without it, as users' machines do. */
  readonly tier?: Tier | undefined;
}

/** What to boot. Standard input and output of the process are the guest's console. */
export interface LinuxGuest {
  readonly kernelPath: string;
  readonly initrdPath: string;
  readonly commandLine: string;
  readonly hartCount: number;
  readonly memoryBytes: number;
  /** Which console QEMU connects; ours shows both. */
  readonly console: 'virtio' | 'serial';
  /** Top images; only for QEMU and `runOwnMachine`. */
  readonly disks?: readonly {readonly path: string; readonly format: string}[];
  /** A network card whose gateway is the host's loopback; only for QEMU and `runOwnMachine`. */
  readonly hasNetwork?: boolean;
  /** A saved state to go on from (ours only), and what is then typed at once. */
  readonly savedPath?: string;
  readonly typed?: string;
}

/** A command and how it is started. */
export interface GuestCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Child side: runs a guest until it ends; never returns. SIGUSR1 makes it print how much memory the guest touched. */
export async function runGuest({tier, ...guest}: LinuxGuest & Pick<OwnProgram, 'tier'>): Promise<never> {
  const {kernelPath, initrdPath, commandLine} = guest;
  const settings = await loadSettings(findPaths(process.env).settings);
  await using host = await EngineHost.create(
    {
      memoryBytes: guest.memoryBytes,
      hartCount: guest.hartCount,
      boot: {kind: 'linux', kernelPath, initrdPath, commandLine},
      disks: [],
      size: {columns: 100, rows: 30},
      ports: [],
      savedPath: guest.savedPath,
      tier: tier ?? settings.machines.defaultTier,
      regions: settings.regions,
    },
    {onOutput: (bytes) => process.stdout.write(bytes), onRebooted: () => console.error('the guest rebooted')},
  );
  process.on('SIGUSR1', () => process.stdout.write(`touched ${host.counters().memoryTouchedBytes}\n`));
  process.stdin.on('data', (bytes: Buffer) => host.write(bytes));
  host.start();
  if (guest.typed !== undefined) host.write(Buffer.from(guest.typed));
  const end = await host.ended;
  if (end.kind === 'crashed') console.error(end.reason);
  process.exit(end.kind === 'powered-off' ? end.status : 1);
}

/** How to start a guest on our machine. */
export function ownCommand({path, tier}: OwnProgram, guest: LinuxGuest): GuestCommand {
  return {
    command: process.execPath,
    args: [...v8Flags, path, '--guest', JSON.stringify({...guest, tier})],
    env: machineEnvironment(),
  };
}

/** How to start the same guest under QEMU. */
export function qemuCommand(guest: LinuxGuest): GuestCommand {
  const isSerial = guest.console === 'serial';
  const args = [
    ...['-M', 'virt', '-m', String(guest.memoryBytes / 1024 ** 2), '-smp', String(guest.hartCount)],
    ...['-display', 'none', '-no-reboot', '-serial', isSerial ? 'chardev:c' : 'null'],
    ...['-kernel', guest.kernelPath, '-initrd', guest.initrdPath, '-append', guest.commandLine],
    ...['-global', 'virtio-mmio.force-legacy=false', '-device', 'virtio-rng-device'],
    // The two console devices our machine has: the guest waits for the agent's port.
    ...['-device', 'virtio-serial-device,id=console,max_ports=1', '-device', 'virtio-serial-device,id=ports'],
    ...['-chardev', 'stdio,id=c,signal=off', '-chardev', 'null,id=n', '-chardev', 'null,id=a'],
    ...['-device', `virtconsole,bus=console.0,chardev=${isSerial ? 'n' : 'c'}`],
    ...['-device', 'virtserialport,bus=ports.0,name=vivarium.agent,chardev=a'],
    ...(guest.disks ?? []).flatMap(({path, format}, index) => [
      ...['-drive', `file=${path},format=${format},if=none,id=d${index},cache=writeback,discard=unmap`],
      ...['-device', `virtio-blk-device,drive=d${index}`],
    ]),
    ...(guest.hasNetwork ? ['-netdev', 'user,id=net', '-device', 'virtio-net-device,netdev=net'] : ['-nic', 'none']),
  ];
  return {command: 'qemu-system-riscv64', args, env: process.env};
}
