import type {Command} from 'commander';
import {type Machine, machineShow} from '../../../manager/protocol/machine.js';
import {machineRewind, type Snapshot, snapshotRestore} from '../../../manager/protocol/snapshot.js';
import {formatDuration, formatTime} from '../../state/presenters/units.js';
import {isLive} from '../../state/selectors.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {type Moment, parseMoment} from '../moment.js';
import {followJob} from '../progress.js';
import {UsageError} from '../report-error.js';

const MOMENTS = `
WHEN is how long ago (-30s, -5m, -1h), a time of the last 24 hours (14:03, 14:03:20), or the name of a point. A time means the
newest point that is not newer. What runs or is saved stays as an undo point until the machine goes back the next time.
viv timeline NAME lists the points.`;

/** `viv rewind`: lets a machine go on from an earlier moment. */
export const rewind: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('rewind')
      .description('let a machine go on from an earlier moment')
      .argument('<name>', 'machine')
      .option('--to <when>', 'the moment: -30s, -5m, 14:03, or the name of a point')
      .option('--yes', 'also when it is off, and what was written to its disks since is lost')
      .option('--json', 'print the machine, the point and the undo point as JSON')
      .addHelpText('after', MOMENTS)
      .action(async (ref: string, options: JsonOption & {to?: string; yes?: boolean}) => {
        if (options.to === undefined)
          throw new UsageError('Say when to go back to.', `For example: viv rewind ${ref} --to -30s`);
        const moment = parseMoment(options.to, Date.now());
        const client = await cli.connect();
        const {machine: before} = await client.request(machineShow, {machine: ref});
        const discardsPresent = options.yes ?? false;
        const gone =
          moment.kind === 'time'
            ? await client.request(machineRewind, {machine: before.id, atMs: moment.atMs, discardsPresent})
            : await client.request(snapshotRestore, {
                machine: before.id,
                snapshot: moment.name,
                // What runs or is saved is not lost by it.
                discardsPresent: discardsPresent || isLive(before.state) || before.saved !== undefined,
              });
        if (gone.job) await followJob(cli, client, gone.job);
        const machine = gone.job ? (await client.request(machineShow, {machine: before.id})).machine : gone.machine;
        const {snapshot, undo} = gone;
        if (options.json) cli.printJson({machine, snapshot, ...(undo === undefined ? {} : {undo})});
        else for (const line of story(machine, snapshot, undo, moment)) cli.note(line);
      });
  },
};

function story(machine: Machine, snapshot: Snapshot, undo: Snapshot | undefined, moment: Moment): string[] {
  const age = formatDuration(Date.now() - snapshot.createdAtMs);
  const isOldest = moment.kind === 'time' && snapshot.createdAtMs > moment.atMs;
  return [
    `${machine.name} is ${machine.state}, as it was ${age} ago: at ${snapshot.name}, ${formatTime(snapshot.createdAtMs)}.`,
    ...(isOldest ? ['That is the oldest point there is.'] : []),
    ...(undo ? [`What was there before stays as ${undo.name}: viv rewind ${machine.name} --to ${undo.name}`] : []),
  ];
}
