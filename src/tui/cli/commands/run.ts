import {resolve} from 'node:path';
import {PassThrough, Writable} from 'node:stream';
import type {Command} from 'commander';
import {ManagerError} from '../../../manager/protocol/errors.js';
import type {Job} from '../../../manager/protocol/job.js';
import {MAX_HARTS, type Network, type Tier} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {parseDiskOption} from '../disk-option.js';
import {networkOption, networkOptionHelp} from '../network-option.js';
import {collect, cpusOption, hotThresholdOption, integerOption, sizeOption, tierOption} from '../parse-values.js';
import {ProgressLine} from '../progress.js';
import {RawConsole} from '../raw-console.js';
import {UsageError} from '../report-error.js';
import {parseShareOption, SHARE_USAGE} from '../share-option.js';

const DEFAULT_FIRMWARE_MEMORY = 256 * 2 ** 20;

interface RunOptions {
  readonly firmware?: string;
  readonly memory?: number;
  readonly cpus?: number;
  readonly disk?: readonly string[];
  readonly network?: Network;
  readonly share?: readonly string[];
  readonly tier?: Tier;
  readonly hotThreshold?: number;
  readonly signature?: string;
  readonly signatureGranularity?: number;
}

/** `viv run`: a throwaway machine, or a bare-metal program. */
export const run: CliCommand = {
  rank: 0,
  register(program: Command, cli: CliContext): void {
    program
      .command('run')
      .description('run a throwaway machine: a shell, or one command whose output and status it passes on')
      .usage('[options] IMAGE [-- COMMAND...]\n       viv run --firmware FILE.elf [options]')
      .argument('[image]', 'image to boot, see viv image ls')
      .argument('[command...]', 'command to run in the guest')
      .option('-m, --memory <size>', 'guest memory, as 256M', sizeOption)
      .option('--cpus <count>', `number of CPUs, 1 to ${MAX_HARTS}`, cpusOption)
      .option('--disk <file>', 'a disk image to use; ,format=raw|qcow2 and ,ro may follow; repeatable', collect)
      .option('--network <kind>', networkOptionHelp, networkOption)
      .option('--share <folder>', SHARE_USAGE, collect)
      .option('--firmware <file>', 'run this ELF in M-mode; the UART is standard input and output')
      .option('--tier <name>', 'how guest code runs: interpreter, regions (all compiled) or auto', tierOption)
      .option('--hot-threshold <arrivals>', 'how often code is arrived at before it is compiled', hotThresholdOption)
      .option('--signature <file>', 'with --firmware: write the words from begin_signature to end_signature')
      .option('--signature-granularity <bytes>', 'bytes on a line of the signature: 4, 8 or 16', integerOption(4, 16))
      .action(async (image: string | undefined, command: readonly string[], options: RunOptions) => {
        if (options.network?.switch !== undefined)
          throw new UsageError('A throwaway machine has no neighbours.', 'Leave out switch=, or use viv create.');
        if (options.network?.egress === 'ask')
          throw new UsageError(
            'Nobody can be asked about a throwaway machine.',
            'Give ,deny or nothing, or use viv create.',
          );
        if (options.firmware !== undefined) cli.status = await runFirmware(cli, options.firmware, options, image);
        else if (image !== undefined) cli.status = await runImage(cli, image, command, options);
        else
          throw new UsageError(
            'Say what to run: an image, or --firmware FILE.',
            'For example: viv run debian-mini -- uname -m',
          );
      });
  },
};

async function runFirmware(
  cli: CliContext,
  file: string,
  options: RunOptions,
  image: string | undefined,
): Promise<number> {
  if (image !== undefined)
    throw new UsageError(`With --firmware there is no image, but ${image} was given.`, 'Leave out one of them.');
  if (options.cpus !== undefined && options.cpus !== 1)
    throw new UsageError('Bare-metal programs run on one hart.', 'Leave out --cpus.');
  const granularity = options.signatureGranularity;
  if (granularity !== undefined && granularity !== 4 && granularity !== 8 && granularity !== 16)
    throw new UsageError('The signature granularity is 4, 8 or 16 bytes.', 'For example: --signature-granularity 4');
  const embedded = await cli.openEmbedded();
  return await embedded.runFirmware({
    elfPath: resolve(file),
    memoryBytes: options.memory ?? DEFAULT_FIRMWARE_MEMORY,
    ...executionOf(options),
    ...(options.signature === undefined ? {} : {signaturePath: resolve(options.signature)}),
    ...(granularity === undefined ? {} : {signatureGranularity: granularity}),
    stdin: cli.streams.stdin,
    stdout: cli.streams.stdout,
    signal: cli.interrupted,
  });
}

const executionOf = ({tier, hotThreshold}: RunOptions) => ({
  ...(tier === undefined ? {} : {tier}),
  ...(hotThreshold === undefined ? {} : {hotThreshold}),
});

function existingDisk(text: string) {
  const disk = parseDiskOption(text);
  if ('path' in disk) return disk;
  throw new UsageError('A throwaway machine takes disks that are there.', `Make one: viv disk create FILE ${text}`);
}

async function runImage(
  cli: CliContext,
  image: string,
  command: readonly string[],
  options: RunOptions,
): Promise<number> {
  const embedded = await cli.openEmbedded();
  using progress = new ProgressLine(cli.streams);
  const base = {
    image,
    ...(options.memory === undefined ? {} : {memoryBytes: options.memory}),
    ...(options.cpus === undefined ? {} : {hartCount: options.cpus}),
    disks: (options.disk ?? []).map(existingDisk),
    ...(options.network === undefined ? {} : {network: options.network}),
    shares: (options.share ?? []).map(parseShareOption),
    ...executionOf(options),
    // Away from a terminal standard error is the command's alone.
    onProgress: (job: Job) => {
      if (job.state !== 'running') progress[Symbol.dispose]();
      else if (cli.streams.stderr.isTTY) progress.show(job);
    },
  };
  const {stdin, stdout, stderr} = cli.streams;
  if (command.length > 0)
    return await embedded.runImage({...base, command, stdin, stdout, stderr, signal: cli.interrupted});
  if (!stdin.isTTY || !stdout.isTTY)
    throw new UsageError(
      'A shell needs a terminal on standard input and output.',
      `Give a command: viv run ${image} -- COMMAND`,
    );
  const typed = new PassThrough();
  const ended = new AbortController();
  let isDetached = false;
  cli.interrupted.addEventListener('abort', () => ended.abort(), {once: true});
  cli.note(`A throwaway ${image}; Ctrl-], Enter ~ . or poweroff discards it.`);
  using terminal = new RawConsole(cli.streams, {
    send: (bytes) => void typed.write(bytes),
    detached: () => {
      isDetached = true;
      ended.abort();
    },
  });
  const shown = new Writable({
    write(chunk: Buffer, _encoding, done) {
      terminal.show(chunk);
      done();
    },
  });
  const running = embedded.runImage({
    ...base,
    command: [],
    stdin: typed,
    stdout: shown,
    stderr: shown,
    signal: ended.signal,
    terminal: {
      columns: stdout.columns || 80,
      rows: stdout.rows || 24,
      onResize: (listener) => void stdout.on('resize', () => listener(stdout.columns || 80, stdout.rows || 24)),
    },
  });
  try {
    return await running;
  } catch (error) {
    // Leaving with the chord is how such a machine is meant to end.
    if (isDetached && error instanceof ManagerError && error.code === 'cancelled') return 0;
    throw error;
  }
}
