import type {Command} from 'commander';
import {machineShow} from '../../../manager/protocol/machine.js';
import {
  type Snapshot,
  snapshotCreate,
  snapshotKeep,
  snapshotList,
  snapshotRemove,
  snapshotRestore,
} from '../../../manager/protocol/snapshot.js';
import {pointLook} from '../../state/presenters/point.js';
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
      .option('--all', 'checkpoints of the timeline and undo points as well')
      .option('--json', 'print them as JSON')
      .action(async (machine: string, options: JsonOption & {all?: boolean}) => {
        const client = await cli.connect();
        const {snapshots, broken} = await client.request(snapshotList, {machine});
        for (const sentence of broken) cli.note(sentence);
        const isShown = ({kind}: Snapshot) => options.all === true || kind === 'snapshot';
        const shown = snapshots.filter(isShown);
        const hidden = snapshots.length - shown.length;
        if (options.json) {
          cli.printJson(shown);
          return;
        }
        if (shown.length === 0) cli.note(`${machine} has no snapshots. Take one: viv snapshot create ${machine}`);
        if (hidden > 0) cli.note(`${hidden} more points of its timeline: viv snapshot ls --all ${machine}`);
        if (shown.length === 0) return;
        const rows = snapshotTree(snapshots, isShown, options.all).map(({depth, snapshot: one}) => [
          `${'  '.repeat(depth)}${one.name}${one.isCurrent ? ' *' : ''}`,
          ...(options.all ? [pointLook(one.kind).word] : []),
          new Date(one.createdAtMs).toISOString(),
          formatBytes(one.fileBytes),
          one.note ?? '',
        ]);
        const headings = ['SNAPSHOT', ...(options.all ? ['WHAT'] : []), 'TAKEN', 'SIZE', 'NOTE'];
        cli.print(formatTable(headings, rows));
      });
    group
      .command('keep')
      .description('make a checkpoint or undo point a snapshot, which stays; or give a snapshot another name or note')
      .argument('<name>', 'machine')
      .argument('<point>', 'snapshot, checkpoint or undo point (viv timeline NAME lists them)')
      .argument('[new-name]', 'its new name (default: its own for a snapshot, else snapshot-1 and so on)')
      .option('--note <text>', 'what it is for')
      .option('--json', 'print the snapshot as JSON')
      .action(
        async (machine: string, point: string, name: string | undefined, options: JsonOption & {note?: string}) => {
          const client = await cli.connect();
          const {note} = options;
          const kept = await client.request(snapshotKeep, {
            machine,
            snapshot: point,
            ...(name === undefined ? {} : {name}),
            ...(note === undefined ? {} : {note}),
          });
          if (options.json) cli.printJson(kept.snapshot);
          else cli.note(`${point} is kept as ${kept.snapshot.name}.`);
        },
      );
    group
      .command('restore')
      .description('let a machine go on from a snapshot')
      .argument('<name>', 'machine')
      .argument('<snapshot>', 'snapshot')
      .option(
        '--yes',
        'also when the machine runs or is saved (that stays as an undo point), or has written to its disks',
      )
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

/**
 * Snapshots that are shown, with their depth, parents before children, the oldest of each first. They stand below the next
 * that is shown; one without any is a root. With `isFlat` only those that have brothers stand further in.
 */
function snapshotTree(
  snapshots: readonly Snapshot[],
  isShown: (snapshot: Snapshot) => boolean,
  isFlat = false,
): {readonly depth: number; readonly snapshot: Snapshot}[] {
  const byId = new Map(snapshots.map((one) => [one.id, one]));
  const shownParent = ({parentId}: Snapshot): string | undefined => {
    const parent = parentId === undefined ? undefined : byId.get(parentId);
    return parent === undefined || isShown(parent) ? parent?.id : shownParent(parent);
  };
  const shown = snapshots.filter(isShown).map((one) => ({snapshot: one, parentId: shownParent(one)}));
  const below = (parent: string | undefined, depth: number): {depth: number; snapshot: Snapshot}[] => {
    const children = shown.filter(({parentId}) => parentId === parent);
    const inner = depth + (isFlat && children.length < 2 ? 0 : 1);
    return children.flatMap(({snapshot: one}) => [{depth: inner, snapshot: one}, ...below(one.id, inner)]);
  };
  return below(undefined, isFlat ? 0 : -1);
}
