import {resolve} from 'node:path';
import {type Command, Option} from 'commander';
import type {DiskProgress, DiskTools, NamedImage} from '../../../manager/client.js';
import {type DiskFormat, machineAttachDisk, machineDetachDisk} from '../../../manager/protocol/machine.js';
import {formatBytes} from '../../state/presenters/units.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {parseDiskOption} from '../disk-option.js';
import {checkLines, infoLines, mapLines} from '../disk-report.js';
import {sizeOption} from '../parse-values.js';
import {ProgressLine} from '../progress.js';
import {UsageError} from '../report-error.js';

interface FormatOption extends JsonOption {
  readonly format?: DiskFormat;
}

interface LayoutOptions extends FormatOption {
  readonly clusterSize?: number;
  readonly refcountBits?: number;
  readonly compat?: number;
  readonly compression?: 'zlib' | 'zstd';
}

interface BackingOptions {
  readonly backing?: string;
  readonly backingFormat?: DiskFormat;
}

const formats = ['raw', 'qcow2'];
const formatOption = (what: string) =>
  new Option('-f, --format <format>', `${what}; its name decides when left out`).choices(formats);

/** Options of images that are made; only qcow2 has any. */
function addLayout(command: Command): Command {
  return command
    .option('--cluster-size <size>', 'qcow2: bytes of a cluster, 512 to 2M (default: 64K)', sizeOption)
    .option('--refcount-bits <bits>', 'qcow2: width of refcounts, 1 to 64 (default: 16)', Number)
    .option('--compat <version>', 'qcow2: version 2 or 3 (default: 3)', Number)
    .addOption(new Option('--compression <method>', 'qcow2: method of compressed clusters').choices(['zlib', 'zstd']));
}

const layoutOf = ({clusterSize, refcountBits, compat, compression}: LayoutOptions) => ({
  clusterBytes: clusterSize,
  refcountBits,
  version: compat,
  compression,
});

const named = (path: string, format: DiskFormat | undefined): NamedImage => ({path: resolve(path), format});

const backingOf = ({backing, backingFormat}: BackingOptions) =>
  backing === undefined ? undefined : named(backing, backingFormat);

const tools = async (cli: CliContext): Promise<DiskTools> => (await cli.openEmbedded()).disks;

/** Shows how far long work is, and ends it on Ctrl-C. */
async function watched<T>(
  cli: CliContext,
  subject: string,
  work: (options: {signal: AbortSignal; onProgress: (progress: DiskProgress) => void}) => Promise<T>,
): Promise<T> {
  using line = new ProgressLine(cli.streams);
  const startedAtMs = Date.now();
  return work({
    signal: cli.interrupted,
    onProgress: ({stage, done, total}) =>
      line.show({id: '', kind: 'disk', subject, state: 'running', stage, done, total, unit: 'bytes', startedAtMs}),
  });
}

/** `viv disk`: images as files, and the disks of machines. */
export const disk: CliCommand = {
  rank: 14,
  register(program: Command, cli: CliContext): void {
    const group = program.command('disk').description('make, check and change disk images; attach and detach them');
    registerFiles(group, cli);
    registerCopies(group, cli);
    registerMachines(group, cli);
  },
};

function registerFiles(group: Command, cli: CliContext): void {
  addLayout(
    group
      .command('create')
      .description('make a disk image')
      .argument('<file>', 'image to make')
      .argument('[size]', 'its size, as 10G; that of the backing image when left out', sizeOption)
      .addOption(formatOption('format')),
  )
    .option('-b, --backing <file>', 'make an overlay over this image, which is then only read')
    .addOption(new Option('-F, --backing-format <format>', 'its format').choices(formats))
    .option('--json', 'print the image as JSON')
    .action(async (path: string, sizeBytes: number | undefined, options: LayoutOptions & BackingOptions) => {
      const size = sizeBytes === undefined ? undefined : Math.ceil(sizeBytes / 512) * 512;
      const made = await (await tools(cli)).create({
        ...named(path, options.format),
        sizeBytes: size,
        backing: backingOf(options),
        ...layoutOf(options),
      });
      if (options.json) cli.printJson(made);
      else cli.note(`${path} is ready: ${formatBytes(made.sizeBytes)}, ${made.format}.`);
    });
  group
    .command('info')
    .description('show what an image is, and what it stands on')
    .argument('<file>', 'image')
    .addOption(formatOption('format'))
    .option('--json', 'print the images of the chain as JSON')
    .action(async (path: string, options: FormatOption) => {
      const images = await (await tools(cli)).info(named(path, options.format));
      if (options.json) cli.printJson(images);
      else cli.print(infoLines(images));
    });
  group
    .command('check')
    .description('check a qcow2 image (exit status 1: errors, 3: only unused clusters)')
    .argument('<file>', 'image')
    .addOption(formatOption('format'))
    .option('--repair', 'repair what can be repaired without losing anything')
    .option('--json', 'print the report as JSON')
    .action(async (path: string, options: FormatOption & {repair?: boolean}) => {
      const repairs = options.repair ?? false;
      const disks = await tools(cli);
      const report = await watched(cli, path, (work) => disks.check(named(path, options.format), {repairs, ...work}));
      if (options.json) cli.printJson(report);
      else cli.print(checkLines(report, path));
      if (!report.isRepaired) cli.status = report.errorCount > 0 ? 1 : report.leakedClusters > 0 ? 3 : 0;
    });
  group
    .command('resize')
    .description('give a disk another size')
    .argument('<file>', 'image')
    .argument('<size>', 'the new size, as 20G', sizeOption)
    .addOption(formatOption('format'))
    .option('--shrink', 'allow to cut off the end')
    .option('--json', 'print the image as JSON')
    .action(async (path: string, size: number, options: FormatOption & {shrink?: boolean}) => {
      const shrinks = options.shrink ?? false;
      const resized = await (await tools(cli)).resize(named(path, options.format), Math.ceil(size / 512) * 512, {
        shrinks,
      });
      if (options.json) cli.printJson(resized);
      else cli.note(`${path} has ${formatBytes(resized.sizeBytes)} now.`);
    });
  group
    .command('map')
    .description('list where the data of a disk lies')
    .argument('<file>', 'image')
    .addOption(formatOption('format'))
    .option('--json', 'print the stretches as JSON')
    .action(async (path: string, options: FormatOption) => {
      const stretches = await (await tools(cli)).map(named(path, options.format));
      if (options.json) cli.printJson(stretches);
      else cli.print(mapLines(stretches));
    });
}

function registerCopies(group: Command, cli: CliContext): void {
  addLayout(
    group
      .command('convert')
      .description('copy a disk, with all it stands on, into a new image')
      .argument('<file>', 'image to copy')
      .argument('<new file>', 'image to make')
      .addOption(formatOption('format of the copy')),
  )
    .addOption(new Option('--source-format <format>', 'format of the original').choices(formats))
    .option('-c, --compress', 'compress the copy (qcow2)')
    .option('--json', 'print the copy as JSON')
    .action(
      async (from: string, to: string, options: LayoutOptions & {sourceFormat?: DiskFormat; compress?: boolean}) => {
        const disks = await tools(cli);
        const target = {...named(to, options.format), ...layoutOf(options), isCompressed: options.compress ?? false};
        const made = await watched(cli, to, (work) => disks.convert(named(from, options.sourceFormat), target, work));
        if (options.json) cli.printJson(made);
        else cli.note(`${to} is ready: ${formatBytes(made.sizeBytes)}, ${formatBytes(made.usedBytes)} in the file.`);
      },
    );
  group
    .command('commit')
    .description('write an overlay into the image it stands on, and empty it')
    .argument('<file>', 'overlay')
    .addOption(formatOption('format'))
    .option('--json', 'print the image below as JSON')
    .action(async (path: string, options: FormatOption) => {
      const disks = await tools(cli);
      const below = await watched(cli, path, (work) => disks.commit(named(path, options.format), work));
      if (options.json) cli.printJson(below);
      else cli.note(`${below.path} holds everything of ${path} now.`);
    });
  group
    .command('rebase')
    .description('put an overlay on another image, or on none')
    .argument('<file>', 'overlay')
    .addOption(formatOption('format'))
    .option('-b, --backing <file>', 'the image to stand on')
    .addOption(new Option('-F, --backing-format <format>', 'its format').choices(formats))
    .option('--standalone', 'stand on no image: copy all it needs')
    .option('--unsafe', 'change the reference alone: the new image has the same content')
    .option('--json', 'print the overlay as JSON')
    .action(async (path: string, options: FormatOption & BackingOptions & {standalone?: boolean; unsafe?: boolean}) => {
      if ((options.backing === undefined) !== (options.standalone ?? false))
        throw new UsageError('Say what it is to stand on: --backing FILE, or --standalone.', 'Exactly one of them.');
      const disks = await tools(cli);
      const isUnsafe = options.unsafe ?? false;
      const rebased = await watched(cli, path, (work) =>
        disks.rebase(named(path, options.format), backingOf(options), {isUnsafe, ...work}),
      );
      if (options.json) cli.printJson(rebased);
      else cli.note(`${path} stands on ${options.backing ?? 'no other image'} now.`);
    });
}

function registerMachines(group: Command, cli: CliContext): void {
  group
    .command('attach')
    .description('add a disk to a machine that is not running')
    .argument('<machine>', 'machine')
    .argument('<size or file>', 'a new disk of a size, or a file; ,format=raw|qcow2 and ,ro may follow')
    .option('--json', 'print the machine as JSON')
    .action(async (ref: string, text: string, options: JsonOption) => {
      const client = await cli.connect();
      const {machine} = await client.request(machineAttachDisk, {machine: ref, disk: parseDiskOption(text)});
      if (options.json) cli.printJson(machine);
      else cli.note(`${machine.name} has disk ${(machine.config?.disks.length ?? 1) - 1} now.`);
    });
  group
    .command('detach')
    .description('take a disk away from a machine that is not running; the file stays')
    .argument('<machine>', 'machine')
    .argument('<disk>', 'its number, from 0, or its file')
    .option('--json', 'print the machine as JSON')
    .action(async (ref: string, which: string, options: JsonOption) => {
      const client = await cli.connect();
      const disk = /^\d+$/.test(which) ? Number(which) : which;
      const {machine, path} = await client.request(machineDetachDisk, {machine: ref, disk});
      if (options.json) cli.printJson(machine);
      else cli.note(`Detached; the image is still there: ${path}`);
    });
}
