import {DISK_IMAGE} from '../../../manager/protocol/image.js';
import type {Boot} from '../../../manager/protocol/machine.js';
import type {Segment} from '../../components/line.js';
import {fitCells, wrapText} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {AppState} from '../model.js';
import {selectedMachine} from '../selectors.js';
import {bootSummary} from './machine.js';
import {forwardText} from './network.js';
import {formatBytes, formatTime} from './units.js';

const LABEL_WIDTH = 14;

/** What the highlighted machine is made of, at most `height` lines of `width` cells. */
export function configLines(state: AppState, width: number, height: number): readonly (readonly Segment[])[] {
  return configFields(state)
    .flatMap(([label, value]) =>
      wrapText(visibleText(value), Math.max(1, width - LABEL_WIDTH - 2)).map((line, index): Segment[] => [
        {text: ` ${fitCells(index === 0 ? label : '', LABEL_WIDTH)}`, token: 'faint'},
        {text: line},
      ]),
    )
    .slice(0, height);
}

function commandLineText(boot: Boot): string {
  if (boot.kind === 'image' && boot.image !== DISK_IMAGE) return boot.commandLine ?? text.config.ofImage;
  return boot.kind === 'linux' ? boot.commandLine : '';
}

function configFields(state: AppState): readonly (readonly [string, string])[] {
  const machine = selectedMachine(state);
  if (machine === undefined) return [];
  const {labels} = text.config;
  const {config, driver, id, folder, pid, ptyPath} = machine;
  const made: (readonly [string, string])[] = [
    [labels.name, machine.name],
    [labels.group, machine.labels?.group ?? ''],
    [labels.tags, machine.labels?.tags.join(' ') ?? ''],
  ];
  if (config !== undefined) {
    const {boot, network, timeline} = config;
    made.push(
      [labels.boots, bootSummary(machine)],
      [labels.commandLine, commandLineText(boot)],
      [labels.cpus, String(config.hartCount)],
      [labels.memory, formatBytes(config.memoryBytes)],
      [labels.code, config.tier ?? text.words.settings],
      [labels.disks, config.disks.length === 0 ? text.words.none : text.config.disks(config.disks.length)],
      [labels.network, networkText(network)],
      [labels.forwards, (network?.forwards ?? []).map(forwardText).join(', ')],
      [
        labels.folders,
        (config.shares ?? []).map(({path, tag, isReadOnly}) => text.config.folder(path, tag, isReadOnly)).join('; '),
      ],
      [labels.checkpoints, timelineText(timeline)],
    );
  }
  made.push(
    [labels.driver, driver],
    [labels.madeAt, formatTime(machine.createdAtMs)],
    [labels.id, id],
    [labels.files, folder],
  );
  if (pid !== undefined) made.push([labels.process, String(pid)]);
  if (ptyPath !== undefined) made.push([labels.terminal, ptyPath]);
  return made.filter(([, value]) => value !== '');
}

type Config = NonNullable<NonNullable<ReturnType<typeof selectedMachine>>['config']>;

function timelineText(timeline: Config['timeline']): string {
  if (timeline === undefined) return text.words.settings;
  return timeline.isEnabled === false ? text.config.off : text.config.on;
}

function networkText(network: Config['network']): string {
  if (network === undefined) return 'user';
  if (network.kind === 'none') return 'none';
  const {egress, allowsHostLoopback, bytesPerSecond} = network;
  return text.config.network({
    kind: 'user',
    egress: egress === 'allow' ? undefined : egress,
    isHostReached: allowsHostLoopback === true,
    switchName: network.switch?.name,
    rate: bytesPerSecond === undefined ? undefined : formatBytes(bytesPerSecond),
  });
}
