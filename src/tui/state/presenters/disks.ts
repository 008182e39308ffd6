import type {DiskStatus} from '../../../manager/protocol/disks.js';
import type {Segment} from '../../components/line.js';
import {fitCells, truncate, wrapText} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import {selectedDisks} from '../disks.js';
import type {AppState} from '../model.js';
import {selectedMachine} from '../selectors.js';
import {machineDiskRates} from './machine.js';
import {formatBytes, formatRate} from './units.js';

type SegmentLine = readonly Segment[];

/** The disks of the highlighted machine and their images, at most `height` lines of `width` cells. */
export function diskLines(state: AppState, width: number, height: number): readonly SegmentLine[] {
  const machine = selectedMachine(state);
  if (machine === undefined) return [];
  const view = selectedDisks(state);
  if (view === undefined) return [[{text: ' …', token: 'faint'}]];
  const {read, written} = machineDiskRates(state.samples.get(machine.id) ?? []);
  const head: SegmentLine = [{text: ` ${text.disks.rates(formatRate(read), formatRate(written))}`, token: 'faint'}];
  if (view.disks.length === 0) return [head, [{text: ` ${text.disks.none}`, token: 'faint'}]];
  const lines = view.disks.flatMap((disk, index) => linesOf(disk, index, index === view.chosen, width));
  return [head, ...lines].slice(0, height);
}

function linesOf(disk: DiskStatus, index: number, isChosen: boolean, width: number): SegmentLine[] {
  const size = disk.sizeBytes === undefined ? '' : formatBytes(disk.sizeBytes);
  const used = disk.layers.reduce((sum, {usedBytes}) => sum + usedBytes, 0);
  const kind = [disk.layers[0]?.format ?? '', size, disk.isReadOnly ? text.disks.readOnly : ''].filter(
    (part) => part !== '',
  );
  const name = `${isChosen ? '▸' : ' '} ${guestName(index)}`;
  const title: SegmentLine = [
    {text: ` ${name}`, isBold: true, ...(isChosen ? {token: 'accent' as const} : {})},
    {text: `  ${kind.join('  ')}`},
    {text: disk.problem === undefined ? `  ${text.disks.used(formatBytes(used))}` : '', token: 'faint'},
  ];
  const problem = disk.problem === undefined ? [] : wrapText(visibleText(disk.problem), width - 6);
  return [
    title,
    ...disk.layers.map((layer, depth): SegmentLine => {
      const room = fitCells(formatBytes(layer.usedBytes), 6, 'right');
      return [
        {text: `     ${depth === 0 ? '┌' : '└'} ${room} `, token: 'faint'},
        {text: tailOf(visibleText(layer.path), width - 16)},
      ];
    }),
    ...(disk.layers.length === 0 ? [[{text: `     ${tailOf(visibleText(disk.path), width - 6)}`}]] : []),
    ...problem.map((line): SegmentLine => [{text: `     ${line}`, token: 'failed'}]),
  ];
}

/** What Linux calls the disk at a place. */
function guestName(index: number): string {
  return `vd${String.fromCharCode(0x61 + index)}`;
}

/** The end of a path, which tells more than its beginning. */
function tailOf(path: string, width: number): string {
  const chars = [...path];
  return chars.length <= width ? path : truncate(`…${chars.slice(-Math.max(0, width - 1)).join('')}`, width);
}
