import {resolve} from 'node:path';
import {type Command, Option} from 'commander';
import type {SymbolTable} from '../../../manager/client.js';
import {type GuestProfile, machineProfile} from '../../../manager/protocol/profile.js';
import {FLEET_ORDERS, type FleetOrder} from '../../state/graphs.js';
import {visibleText} from '../../terminal/visible-text.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {printFleet} from '../fleet-report.js';
import {formatTable} from '../output.js';
import {integerOption} from '../parse-values.js';

interface TopOptions extends JsonOption {
  readonly guest?: string;
  readonly sort: FleetOrder;
  readonly symbols?: string;
  readonly seconds: number;
  readonly lines: number;
}

const MAX_SECONDS = 3600;
const DEFAULT_SECONDS = 5;
const DEFAULT_LINES = 20;
/** Asked for again and again, so that Ctrl-C shows soon what there is. Units: milliseconds */
const LOOK_MS = 500;

/** `viv top`: what each machine takes of the host, or where one guest spends its time. */
export const top: CliCommand = {
  rank: 11,
  register(program: Command, cli: CliContext): void {
    program
      .command('top')
      .description('show what each machine takes of the host; with --guest, where the time of that guest goes')
      .option('--guest <name>', 'sample this machine; Ctrl-C ends it early')
      .addOption(
        new Option('--sort <number>', 'which machines come first').choices([...FLEET_ORDERS]).default(FLEET_ORDERS[0]),
      )
      .option('--symbols <file>', 'names of its code: an ELF file, or what /proc/kallsyms prints for root')
      .option('--seconds <count>', 'how long', integerOption(1, MAX_SECONDS), DEFAULT_SECONDS)
      .option('--lines <count>', 'how many places to print', integerOption(1, 1000), DEFAULT_LINES)
      .option('--json', 'print them as JSON')
      .action(async (options: TopOptions) => {
        const {guest} = options;
        if (guest === undefined) {
          await printFleet(cli, options);
          return;
        }
        // First, so that a wrong path is told at once.
        const symbols = options.symbols && (await (await cli.openEmbedded()).readSymbols(resolve(options.symbols)));
        const tally = new Tally(symbols || undefined);
        await collect(cli, {...options, guest}, tally);
        print(cli, {...options, guest}, tally);
      });
  },
};

async function collect(cli: CliContext, {guest, seconds}: TopOptions & {guest: string}, tally: Tally): Promise<void> {
  const client = await cli.connect();
  const {interrupted} = cli;
  const isShown = cli.streams.stderr.isTTY === true;
  for (let done = 0; done < seconds * 1000 && !interrupted.aborted; done += LOOK_MS) {
    if (isShown) cli.streams.stderr.write(`\rsampling: ${Math.ceil((done + 1) / 1000)} of ${seconds} s\x1b[K`);
    tally.add(await client.request(machineProfile, {machine: guest, durationMs: LOOK_MS}));
  }
  if (isShown) cli.streams.stderr.write('\r\x1b[K');
}

function print(cli: CliContext, {guest, lines, json}: TopOptions & {guest: string}, tally: Tally): void {
  const places = tally.places().slice(0, lines);
  if (json) {
    cli.printJson({samples: tally.sampleCount, lost: tally.lostCount, places});
    return;
  }
  if (tally.sampleCount === 0) {
    cli.note(`${guest} slept all the time: there are no samples.`);
    return;
  }
  const rows = places.map(({share, count, mode, where}) => [
    `${(share * 100).toFixed(1)}%`,
    String(count),
    mode,
    where,
  ]);
  cli.print(formatTable(['SHARE', 'SAMPLES', 'MODE', 'WHERE'], rows));
  if (tally.lostCount > 0) cli.note(`${tally.lostCount} of ${tally.sampleCount} samples are not counted.`);
}

/** A line of the result: a function where its name is known, else an address. `share` is of all samples, 0 to 1. */
interface Place {
  readonly where: string;
  readonly mode: 'user' | 'kernel';
  readonly count: number;
  readonly share: number;
}

/** Adds samples up by place. */
class Tally {
  sampleCount = 0;
  lostCount = 0;
  private readonly symbols: SymbolTable | undefined;
  private readonly counts = new Map<string, {where: string; mode: Place['mode']; count: number}>();

  constructor(symbols: SymbolTable | undefined) {
    this.symbols = symbols;
  }

  add({sampleCount, lostCount, points}: GuestProfile): void {
    this.sampleCount += sampleCount;
    this.lostCount += lostCount;
    for (const {pc, mode, count} of points) {
      const where = this.symbols?.find(BigInt(`0x${pc}`))?.name ?? `0x${pc}`;
      const key = `${mode} ${where}`;
      const entry = this.counts.get(key) ?? {where: visibleText(where), mode, count: 0};
      entry.count += count;
      this.counts.set(key, entry);
    }
  }

  /** The most frequent first. */
  places(): Place[] {
    return [...this.counts.values()]
      .sort((a, b) => b.count - a.count)
      .map((entry) => ({...entry, share: entry.count / this.sampleCount}));
  }
}
