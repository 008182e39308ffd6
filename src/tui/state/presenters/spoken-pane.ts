/** What a tab tells of the highlighted machine as sentences, and when they are worth telling again. */

import {selectedDisks} from '../disks.js';
import {shownCurves, shownSpan} from '../graphs.js';
import type {AppState} from '../model.js';
import {chosenForward, selectedNetwork} from '../network.js';
import {chosenPoint, noMachine, selectedMachine, selectedTimeline} from '../selectors.js';
import {machineCharts} from './charts.js';
import {configLines} from './config.js';
import {diskLines} from './disks.js';
import {machineNotice} from './machine.js';
import {forwardText, networkLines} from './network.js';
import {pointAge, pointLook} from './point.js';
import {textOf} from './spoken.js';
import {timelineLines} from './timeline.js';
import {formatBytes, formatTime} from './units.js';

/** Wide and high enough that nothing told is cut. */
const WIDTH = 400;
const HEIGHT = 100;
const EVENTS_TOLD = 10;
/** Stands before what the keys of a tab act on. */
export const CHOSEN = 'chosen, ';

/** See the module: numbers change all the time, so lines are new only with another `key`. */
export interface SpokenPane {
  readonly key: string;
  readonly lines: readonly string[];
}

/** The tab that is shown. */
export function spokenPane(state: AppState): SpokenPane {
  const machine = selectedMachine(state);
  if (machine === undefined) return pane([state.tab], [noMachine(state)]);
  const about = [state.tab, machine.id];
  const drawn = (lines: readonly (readonly {readonly text: string}[])[]) =>
    lines.map((pieces) => spoken(textOf(pieces))).filter((line) => line !== '');
  switch (state.tab) {
    case 'console': {
      const notice = machineNotice(machine);
      return pane(about, [notice === '' ? 'Enter types into the console, y tells what it shows.' : notice]);
    }
    case 'graphs': {
      const [span, samples, curves] = [shownSpan(state), state.samples.get(machine.id) ?? [], shownCurves(state)];
      const charts = machineCharts(machine, samples, span, curves, state.nowMs);
      const lines = charts.map(
        ({title, legend}) => `${title}: ${legend.map(({text}) => text).join(', ') || 'nothing'}.`,
      );
      return pane([...about, span.name], [`The last ${span.name}.`, ...lines]);
    }
    case 'timeline': {
      const points = selectedTimeline(state)?.points;
      const point = chosenPoint(state);
      const key = [...about, String(points?.length), point?.id ?? ''];
      if (point === undefined || points === undefined) return pane(key, drawn(timelineLines(state, WIDTH)));
      const facts = [pointAge(point, state.nowMs), formatTime(point.createdAtMs), formatBytes(point.fileBytes)];
      if (point.isCurrent) facts.push('current');
      const place = `${points.indexOf(point) + 1} of ${points.length}`;
      const note = point.note === undefined || point.note === '' ? [] : [point.note];
      return pane(key, [
        `${[`${pointLook(point.kind).word} ${point.name}`, ...facts, place].join(', ')}.`,
        ...note,
        'Left and right go along the points.',
      ]);
    }
    case 'net': {
      const lines = drawn(networkLines(state, WIDTH, HEIGHT));
      const packets = lines.findIndex((line) => line.startsWith('Packets'));
      const forward = chosenForward(state);
      const network = selectedNetwork(state);
      const key = [String(network?.status !== undefined), network?.problem ?? '', forward ? forwardText(forward) : ''];
      return pane([...about, ...key], packets < 0 ? lines : lines.slice(0, packets));
    }
    case 'disks': {
      const disks = selectedDisks(state);
      return pane(
        [...about, String(disks?.disks.length), String(disks?.chosen)],
        drawn(diskLines(state, WIDTH, HEIGHT)),
      );
    }
    case 'log': {
      const events = state.events.filter(({machineId}) => machineId === machine.id).slice(-EVENTS_TOLD);
      const lines = events.map(({atMs, message}) => `${formatTime(atMs)} ${message}`);
      return pane([...about, String(events.at(-1)?.seq)], lines.length === 0 ? ['Nothing has happened yet.'] : lines);
    }
    case 'config':
      return pane(about, drawn(configLines(state, WIDTH, HEIGHT)));
  }
}

function pane(key: readonly string[], lines: readonly string[]): SpokenPane {
  return {key: JSON.stringify(key), lines};
}

/** A line that was made to be drawn, without what only an eye makes something of. */
function spoken(line: string): string {
  return line.replace('▸ ', CHOSEN).replace(/[─┌└]/g, ' ').replace(/\s+/g, ' ').replace(/^…$/, '').trim();
}
