import {DISK_IMAGE} from '../../../manager/protocol/image.js';
import type {Boot} from '../../../manager/protocol/machine.js';
import type {Segment} from '../../components/line.js';
import {fitCells, wrapText} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
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
  if (boot.kind === 'image' && boot.image !== DISK_IMAGE) return boot.commandLine ?? 'the image’s';
  return boot.kind === 'linux' ? boot.commandLine : '';
}

function configFields(state: AppState): readonly (readonly [string, string])[] {
  const machine = selectedMachine(state);
  if (machine === undefined) return [];
  const {config, labels, driver, id, folder, pid, ptyPath} = machine;
  const made: (readonly [string, string])[] = [
    ['name', machine.name],
    ['group', labels?.group ?? ''],
    ['tags', labels?.tags.join(' ') ?? ''],
  ];
  if (config !== undefined) {
    const {boot, network, timeline} = config;
    made.push(
      ['boots', bootSummary(machine)],
      ['command line', commandLineText(boot)],
      ['CPUs', String(config.hartCount)],
      ['memory', formatBytes(config.memoryBytes)],
      ['runs code', config.tier ?? 'as the settings say'],
      ['disks', config.disks.length === 0 ? 'none' : `${config.disks.length}; tab Disks shows them`],
      ['network', networkText(network)],
      ['forwards', (network?.forwards ?? []).map(forwardText).join(', ')],
      [
        'folders',
        (config.shares ?? []).map((one) => `${one.path} as ${one.tag}${one.isReadOnly ? '' : ', written'}`).join('; '),
      ],
      ['checkpoints', timeline === undefined ? 'as the settings say' : timeline.isEnabled === false ? 'off' : 'on'],
    );
  }
  made.push(['driver', driver], ['made at', formatTime(machine.createdAtMs)], ['id', id], ['files', folder]);
  if (pid !== undefined) made.push(['process', String(pid)]);
  if (ptyPath !== undefined) made.push(['terminal', ptyPath]);
  return made.filter(([, value]) => value !== '');
}

type Config = NonNullable<NonNullable<ReturnType<typeof selectedMachine>>['config']>;

function networkText(network: Config['network']): string {
  if (network === undefined) return 'user';
  if (network.kind === 'none') return 'none';
  const rate = network.bytesPerSecond === undefined ? '' : `, ${formatBytes(network.bytesPerSecond)} a second`;
  const egress = network.egress === 'allow' ? '' : `, ${network.egress} beyond the host`;
  const place = network.switch === undefined ? '' : `, on the switch ${network.switch.name}`;
  return `user${egress}${network.allowsHostLoopback ? ', reaches the host’s 127.0.0.1' : ''}${place}${rate}`;
}
