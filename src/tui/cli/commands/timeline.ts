import {type Command, InvalidArgumentError} from 'commander';
import {MAX_CHECKPOINT_INTERVAL_MS, MIN_CHECKPOINT_BUDGET_BYTES} from '../../../manager/protocol/machine.js';
import {type Snapshot, snapshotList} from '../../../manager/protocol/snapshot.js';
import {type Timeline, timelineChange, timelineShow} from '../../../manager/protocol/timeline.js';
import {pointLook} from '../../state/presenters/point.js';
import {formatBytes, formatDuration, formatTime} from '../../state/presenters/units.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {formatTable} from '../output.js';
import {checkpointBudgetOption, checkpointIntervalOption} from '../parse-values.js';

const STATES = {on: true, off: false, default: null} as const;

const ABOUT = `
While a machine runs and does something, its state is taken every interval: a checkpoint. Of the last ten minutes all are kept,
then ever fewer; the oldest go when they take more than the budget. viv snapshot keep makes one stay. "off" takes no more,
and removes none; "default" goes back to what the daemon's settings say.`;

/** `viv timeline`: the points that a machine can go back to, and how checkpoints are taken. */
export const timeline: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('timeline')
      .description('list the points a machine can go back to, or say how checkpoints of it are taken')
      .argument('<name>', 'machine')
      .argument('[state]', 'on, off or default', stateArgument)
      .option('--interval <time>', 'time between checkpoints: 10s, 5m', checkpointIntervalOption)
      .option('--budget <size>', 'what all checkpoints may take: 512M, 2G', checkpointBudgetOption)
      .option('--json', 'print settings and points as JSON')
      .addHelpText('after', ABOUT)
      .action(
        async (
          machine: string,
          state: keyof typeof STATES | undefined,
          {interval: intervalMs, budget: budgetBytes, json}: JsonOption & {interval?: number; budget?: number},
        ) => {
          const client = await cli.connect();
          if (state !== undefined || intervalMs !== undefined || budgetBytes !== undefined) {
            const changes = {
              ...(state === 'default' ? {intervalMs: null, budgetBytes: null} : {}),
              ...(state === undefined ? {} : {isEnabled: STATES[state]}),
              ...(intervalMs === undefined ? {} : {intervalMs}),
              ...(budgetBytes === undefined ? {} : {budgetBytes}),
            };
            const {timeline: now} = await client.request(timelineChange, {machine, ...changes});
            if (json) cli.printJson(now);
            else cli.note(summary(machine, now));
            return;
          }
          const {timeline: now} = await client.request(timelineShow, {machine});
          const {snapshots, broken} = await client.request(snapshotList, {machine});
          for (const sentence of broken) cli.note(sentence);
          if (json) {
            cli.printJson({...now, points: snapshots});
            return;
          }
          cli.note(summary(machine, now));
          if (now.problem !== undefined) cli.note(now.problem);
          if (snapshots.length === 0) cli.note(`There are no points yet. Take one: viv snapshot create ${machine}`);
          else cli.print(formatTable(['POINT', 'WHAT', 'TIME', 'AGE', 'SIZE', 'PINNED', 'NOTE'], snapshots.map(row)));
        },
      );
  },
};

function stateArgument(text: string): keyof typeof STATES {
  if (text === 'on' || text === 'off' || text === 'default') return text;
  throw new InvalidArgumentError('Give on, off or default.');
}

function row({name, kind, createdAtMs, fileBytes, note, isCurrent}: Snapshot): string[] {
  const ageMs = Date.now() - createdAtMs;
  return [
    `${name}${isCurrent ? ' *' : ''}`,
    pointLook(kind).word,
    ageMs < MAX_CHECKPOINT_INTERVAL_MS ? formatTime(createdAtMs) : new Date(createdAtMs).toISOString().slice(0, 16),
    formatDuration(ageMs),
    formatBytes(fileBytes),
    kind === 'snapshot' ? 'yes' : '',
    note ?? '',
  ];
}

function summary(machine: string, {isEnabled, intervalMs, budgetBytes, maxCount, usedBytes}: Timeline): string {
  const used = `checkpoints take ${formatBytes(usedBytes)}`;
  if (!isEnabled) return `The timeline of ${machine} is off; ${used}. Turn it on: viv timeline ${machine} on`;
  const bounds = `at most ${maxCount} and ${formatBytes(Math.max(MIN_CHECKPOINT_BUDGET_BYTES, budgetBytes))}`;
  return `The timeline of ${machine} is on: a checkpoint every ${formatDuration(intervalMs)}, ${bounds}; ${used}.`;
}
