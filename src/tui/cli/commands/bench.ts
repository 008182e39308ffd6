import type {Command} from 'commander';
import type {BenchSide, KernelTime} from '../../../manager/client.js';
import {progressBar} from '../../state/presenters/job.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {formatTable} from '../output.js';

const SIDES: Readonly<Record<BenchSide, string>> = {host: 'this host', machine: 'Vivarium', qemu: 'QEMU'};
const BAR_WIDTH = 20;

/** `viv bench`: how fast machines are here, as ratios to the host itself and to QEMU. */
export const bench: CliCommand = {
  rank: 16,
  register(program: Command, cli: CliContext): void {
    program
      .command('bench')
      .description('measure a machine against this host and, where it is installed, QEMU: ten seconds')
      .option('--json', 'print the times as JSON')
      .action(async (options: JsonOption) => {
        const embedded = await cli.openEmbedded();
        using line = new ProgressText(cli);
        const {kernels} = await embedded.bench({
          signal: cli.interrupted,
          onProgress: ({side, done, total}) => line.show(`${progressBar(done / total, BAR_WIDTH)} ${SIDES[side]}`),
        });
        line[Symbol.dispose]();
        if (options.json) cli.printJson(kernels.map((kernel) => ({...kernel, ...ratios(kernel)})));
        else print(cli, kernels);
      });
  },
};

/** One line that is rewritten on a terminal, and nothing elsewhere. */
class ProgressText implements Disposable {
  private readonly stderr: CliContext['streams']['stderr'];
  private isOpen = false;

  constructor(cli: CliContext) {
    this.stderr = cli.streams.stderr;
  }

  show(text: string): void {
    if (!this.stderr.isTTY) return;
    this.stderr.write(`\r${text}\x1b[K`);
    this.isOpen = true;
  }

  [Symbol.dispose](): void {
    if (this.isOpen) this.stderr.write('\r\x1b[K');
    this.isOpen = false;
  }
}

/** Times of the machine ÷ times of the others: lower is better. */
function ratios({machineMicroseconds, hostMicroseconds, qemuMicroseconds}: KernelTime) {
  return {
    ratioToHost: machineMicroseconds / hostMicroseconds,
    ...(qemuMicroseconds === undefined ? {} : {ratioToQemu: machineMicroseconds / qemuMicroseconds}),
  };
}

function print(cli: CliContext, kernels: readonly KernelTime[]): void {
  const hasQemu = kernels.every(({qemuMicroseconds}) => qemuMicroseconds !== undefined);
  const heading = ['KERNEL', 'WHAT', 'VIV MS', 'HOST MS', 'TO HOST', ...(hasQemu ? ['QEMU MS', 'TO QEMU'] : [])];
  const milliseconds = (microseconds = Number.NaN) => (microseconds / 1000).toFixed(2);
  const rows = kernels.map((kernel) => {
    const {ratioToHost, ratioToQemu = Number.NaN} = ratios(kernel);
    return [
      kernel.name,
      kernel.title,
      milliseconds(kernel.machineMicroseconds),
      milliseconds(kernel.hostMicroseconds),
      ratioToHost.toFixed(2),
      ...(hasQemu ? [milliseconds(kernel.qemuMicroseconds), ratioToQemu.toFixed(2)] : []),
    ];
  });
  cli.print(formatTable(heading, rows));
  for (const kind of ['integer', 'floating-point'] as const) {
    const ofKind = kernels.filter((kernel) => kernel.kind === kind).map(ratios);
    if (ofKind.length === 0) continue;
    const toHost = geomean(ofKind.map(({ratioToHost}) => ratioToHost)).toFixed(2);
    const toQemu = geomean(ofKind.map(({ratioToQemu = Number.NaN}) => ratioToQemu)).toFixed(2);
    cli.print(`${kind}: ${toHost} times the host's time${hasQemu ? `, ${toQemu} times QEMU's` : ''}`);
  }
  if (!hasQemu) cli.note('There is no qemu-system-riscv64 here to compare with (Debian package qemu-system-misc).');
}

function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
