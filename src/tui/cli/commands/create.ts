import {readFileSync} from 'node:fs';
import {resolve} from 'node:path';
import type {Command} from 'commander';
import {ManagerError} from '../../../manager/protocol/errors.js';
import {DISK_IMAGE} from '../../../manager/protocol/image.js';
import {
  type Boot,
  defaultNetwork,
  MAX_HARTS,
  machineCreate,
  machineStart,
  type Network,
  preseedSchema,
  type Tier,
} from '../../../manager/protocol/machine.js';
import type {ForwardSpec} from '../../state/port-spec.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {parseDiskOption} from '../disk-option.js';
import {networkOption, networkOptionHelp} from '../network-option.js';
import {collect, collectForward, cpusOption, hotThresholdOption, sizeOption, tierOption} from '../parse-values.js';
import {followJob} from '../progress.js';
import {UsageError} from '../report-error.js';
import {parseShareOption, SHARE_USAGE} from '../share-option.js';

interface CreateOptions extends JsonOption {
  readonly name?: string;
  readonly memory?: number;
  readonly cpus?: number;
  readonly tier?: Tier;
  readonly hotThreshold?: number;
  readonly disk?: readonly string[];
  readonly rootSize?: number;
  readonly seed?: boolean;
  readonly userData?: string;
  readonly networkConfig?: string;
  readonly preseed?: string;
  readonly network?: Network;
  readonly forward?: readonly ForwardSpec[];
  readonly share?: readonly string[];
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly firmware?: string;
  readonly group?: string;
  readonly tag?: readonly string[];
  readonly start?: boolean;
}

const SECTOR_BYTES = 512;

function bootOf(image: string | undefined, options: CreateOptions): Boot {
  const ways = [image, options.kernel, options.firmware].filter((way) => way !== undefined);
  const hasDisk = options.disk?.some((disk) => 'path' in parseDiskOption(disk)) ?? false;
  if (ways.length > 1 || (ways.length === 0 && !hasDisk))
    throw new UsageError(
      'Say what the machine boots: an image, --disk FILE with a boot loader on it, --kernel FILE, or --firmware FILE.',
      'For example: viv create debian-mini. The images are listed by viv image ls.',
    );
  const isFromDisk = ways.length === 0 || image === DISK_IMAGE;
  if (isFromDisk && (options.append ?? options.initrd) !== undefined)
    throw new UsageError(
      'The boot loader on a disk has its own kernel, initramfs and command line.',
      'Leave out --append and --initrd, or name a kernel with --kernel.',
    );
  const commandLine = options.append === undefined ? {} : {commandLine: options.append};
  const {rootSize} = options;
  if (ways.length === 0 && rootSize === undefined) return {kind: 'image', image: DISK_IMAGE};
  if (image !== undefined) {
    const diskBytes = rootSize === undefined ? {} : {diskBytes: Math.ceil(rootSize / SECTOR_BYTES) * SECTOR_BYTES};
    return {kind: 'image', image, ...commandLine, ...diskBytes};
  }
  if (rootSize !== undefined)
    throw new UsageError('--root-size is for images that bring a disk.', 'Give a new disk a size with --disk 10G.');
  if (options.firmware !== undefined) return {kind: 'firmware', elfPath: resolve(options.firmware)};
  return {
    kind: 'linux',
    kernelPath: resolve(options.kernel ?? ''),
    ...(options.initrd === undefined ? {} : {initrdPath: resolve(options.initrd)}),
    commandLine: options.append ?? 'console=hvc0',
  };
}

function seedOf({seed, userData, networkConfig}: CreateOptions) {
  if (seed !== true && userData === undefined && networkConfig === undefined) return {};
  return {
    seed: {
      ...(userData === undefined ? {} : {userData: readSeedFile(userData)}),
      ...(networkConfig === undefined ? {} : {networkConfig: readSeedFile(networkConfig)}),
    },
  };
}

/** What is no text is told apart from what is no file. */
function readPreseed(path: string): string {
  const text = readSeedFile(path);
  const issue = preseedSchema.safeParse(text).error?.issues[0]?.message;
  // Bytes that are no UTF-8 were read as this.
  const reason = issue ?? (text.includes('\ufffd') ? 'is not text' : undefined);
  if (reason === undefined) return text;
  throw new ManagerError(
    'bad-request',
    `The answers in ${path} cannot be used: the file ${reason}.`,
    'docs/preseed.cfg is an example of such a file.',
  );
}

function networkOf({network, forward}: CreateOptions) {
  if (forward === undefined) return network === undefined ? {} : {network};
  if (network?.kind === 'none')
    throw new UsageError('Without a network card no port leads into the machine.', 'Leave out --forward or --network.');
  return {network: {...(network ?? defaultNetwork), forwards: [...forward]}};
}

function labelsOf({group, tag}: CreateOptions) {
  if (group === undefined && tag === undefined) return {};
  return {labels: {tags: [...(tag ?? [])], ...(group === undefined ? {} : {group})}};
}

function readSeedFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `${path} cannot be read: ${why}.`, 'Check the path.', {cause: thrown});
  }
}

/** `viv create`: defines a machine. */
export const create: CliCommand = {
  rank: 1,
  register(program: Command, cli: CliContext): void {
    program
      .command('create')
      .description('define a machine (viv start runs it)')
      .argument('[image]', 'image to boot, see viv image ls; without it and --kernel, the boot loader on a --disk')
      .option('-n, --name <name>', 'its name; one is chosen when left out')
      .option('-m, --memory <size>', 'guest memory, as 256M', sizeOption)
      .option('--cpus <count>', `number of CPUs, 1 to ${MAX_HARTS}`, cpusOption)
      .option(
        '--disk <size or file>',
        'a new disk of a size, or a file; ,format=raw|qcow2 and ,ro may follow; repeatable',
        collect,
      )
      .option('--root-size <size>', 'how large the disk is that the image brings, as 40G', sizeOption)
      .option('--seed', 'a disk that tells cloud-init in the guest its name and your SSH keys')
      .option('--user-data <file>', 'the same with user data of your own')
      .option('--network-config <file>', 'the same with a network configuration')
      .option('--preseed <file>', 'with debian-installer: answers to its questions, so that it asks none')
      .option('--network <kind>', networkOptionHelp, networkOption)
      .option(
        '--forward <ports>',
        'a port of the host that leads into the guest, as 8080:80, 0.0.0.0:8080:80 or 5353:53/udp; repeatable',
        collectForward,
      )
      .option('--share <folder>', SHARE_USAGE, collect)
      .option('--kernel <file>', 'boot this Linux kernel instead of an image')
      .option('--initrd <file>', 'with --kernel: its initramfs')
      .option('--append <line>', 'kernel command line')
      .option('--tier <name>', 'how guest code runs: interpreter, regions (all compiled) or auto', tierOption)
      .option('--hot-threshold <arrivals>', 'how often code is arrived at before it is compiled', hotThresholdOption)
      .option('--firmware <file>', 'boot this ELF in M-mode instead of an image')
      .option('--group <name>', 'the group to list it in')
      .option('--tag <name>', 'a tag to find it by; repeatable', collect)
      .option('--start', 'start it at once')
      .option('--json', 'print the machine as JSON')
      .action(async (image: string | undefined, options: CreateOptions) => {
        const boot = bootOf(image, options);
        const client = await cli.connect();
        const created = await client.request(machineCreate, {
          boot,
          ...(options.name === undefined ? {} : {name: options.name}),
          ...(options.memory === undefined ? {} : {memoryBytes: options.memory}),
          ...(options.cpus === undefined ? {} : {hartCount: options.cpus}),
          ...(options.tier === undefined ? {} : {tier: options.tier}),
          ...(options.hotThreshold === undefined ? {} : {hotThreshold: options.hotThreshold}),
          disks: (options.disk ?? []).map(parseDiskOption),
          ...networkOf(options),
          shares: (options.share ?? []).map(parseShareOption),
          ...seedOf(options),
          ...(options.preseed === undefined ? {} : {preseed: readPreseed(options.preseed)}),
          ...labelsOf(options),
        });
        let {machine} = created;
        if (created.note !== undefined) cli.note(created.note);
        if (options.start) {
          const started = await client.request(machineStart, {machine: machine.id});
          machine = started.machine;
          if (started.job) await followJob(cli, client, started.job);
        }
        if (options.json) cli.printJson(machine);
        else cli.print(machine.name);
      });
  },
};
