import type {Command} from 'commander';
import {machineShow} from '../../../manager/protocol/machine.js';
import {
  type Snapshot,
  snapshotCreate,
  snapshotList,
  snapshotRemove,
  snapshotRestore,
} from '../../../manager/protocol/snapshot.js';
import {formatBytes} from '../../state/presenters/units.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {formatTable} from '../output.js';
import {followJob} from '../progress.js';
import {registerSnapshotFiles} from './snapshot-file.js';

/** `viv snapshot`: states of a machine to go back to. */
export const snapshot: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    const group = program.command('snapshot').description('take the state of a machine, and go back to it');
    group
      .command('create')
      .description('take a snapshot of a running machine, which goes on')
      .argument('<name>', 'machine')
      .argument('[snapshot]', 'name of the snapshot (default: snapshot-1 and so on)')
      .option('--note <text>', 'what it is for')
      .option('--json', 'print the snapshot as JSON')
      .action(async (machine: string, name: string | undefined, options: JsonOption & {note?: string}) => {
        const client = await cli.connect();
        const {note} = options;
        const made = await client.request(snapshotCreate, {
          machine,
          ...(name === undefined ? {} : {name}),
          ...(note === undefined ? {} : {note}),
        });
        if (options.json) cli.printJson(made.snapshot);
        else cli.note(`${made.snapshot.name} is taken (${takes(made.snapshot)}).`);
      });
    group
      .command('ls')
      .description('list the snapshots of a machine as a tree')
      .argument('<name>', 'machine')
      .option('--json', 'print them as JSON')
      .action(async (machine: string, options: JsonOption) => {
        const client = await cli.connect();
        const {snapshots, broken} = await client.request(snapshotList, {machine});
        for (const sentence of broken) cli.note(sentence);
        if (options.json) {
          cli.printJson(snapshots);
          return;
        }
        const rows = snapshotTree(snapshots).map(({depth, snapshot: one}) => [
          `${'  '.repeat(depth)}${one.name}${one.isCurrent ? ' *' : ''}`,
          new Date(one.createdAtMs).toISOString(),
          formatBytes(one.fileBytes),
          one.note ?? '',
        ]);
        cli.print(formatTable(['SNAPSHOT', 'TAKEN', 'SIZE', 'NOTE'], rows));
      });
    group
      .command('restore')
      .description('let a machine go on from a snapshot')
      .argument('<name>', 'machine')
      .argument('<snapshot>', 'snapshot')
      .option('--yes', 'also when the machine runs or is saved: that state is lost')
      .option('--json', 'print the machine as JSON')
      .action(async (machine: string, name: string, options: JsonOption & {yes?: boolean}) => {
        const client = await cli.connect();
        const discardsPresent = options.yes ?? false;
        const restored = await client.request(snapshotRestore, {machine, snapshot: name, discardsPresent});
        if (restored.job) await followJob(cli, client, restored.job);
        const now = restored.job ? (await client.request(machineShow, {machine})).machine : restored.machine;
        if (options.json) cli.printJson(now);
        else cli.note(`${now.name} is ${now.state}, from ${name}.`);
      });
    registerSnapshotFiles(group, cli);
    group
      .command('rm')
      .description('remove snapshots for good; those below them move up')
      .argument('<name>', 'machine')
      .argument('<snapshots...>', 'snapshots')
      .option('--json', 'print what was removed as JSON')
      .action(async (machine: string, names: readonly string[], options: JsonOption) => {
        const client = await cli.connect();
        const removed: Snapshot[] = [];
        for (const name of names) {
          const gone = (await client.request(snapshotRemove, {machine, snapshot: name})).snapshot;
          removed.push(gone);
          if (!options.json) cli.note(`${gone.name} is removed (${formatBytes(gone.fileBytes)}).`);
        }
        if (options.json) cli.printJson(removed);
      });
  },
};

function takes({fileBytes, touchedBytes, pausedMs}: Snapshot): string {
  const paused = `${Math.round(pausedMs)} ms`;
  return `${formatBytes(touchedBytes)} of memory in ${formatBytes(fileBytes)}, paused for ${paused}`;
}

/** Snapshots with their depth, parents before children, the oldest of each first. One without its parent is a root. */
function snapshotTree(snapshots: readonly Snapshot[]): {readonly depth: number; readonly snapshot: Snapshot}[] {
  const ids = new Set(snapshots.map(({id}) => id));
  const below = (parentId: string | undefined, depth: number): {depth: number; snapshot: Snapshot}[] =>
    snapshots
      .filter((one) => (one.parentId !== undefined && ids.has(one.parentId) ? one.parentId : undefined) === parentId)
      .flatMap((one) => [{depth, snapshot: one}, ...below(one.id, depth + 1)]);
  return below(undefined, 0);
}
