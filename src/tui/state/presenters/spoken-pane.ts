/** What a tab tells of the highlighted machine as sentences, and when they are worth telling again. */

import {text} from '../../text/text.js';
import {selectedDisks} from '../disks.js';
import {shownCurves, shownSpan} from '../graphs.js';
import type {AppState} from '../model.js';
import {chosenForward, selectedNetwork} from '../network.js';
import {chosenPoint, noMachine, selectedMachine, selectedTimeline} from '../selectors.js';
import {machineCharts} from './charts.js';
import {configLines} from './config.js';
import {diskLines} from './disks.js';
import {machineNotice} from './machine.js';
import {forwardText, linesAbovePackets} from './network.js';
import {pointAge, pointLook} from './point.js';
import {textOf} from './spoken.js';
import {timelineLines} from './timeline.js';
import {formatBytes, formatTime} from './units.js';

/** Wide and high enough that nothing told is cut. */
const WIDTH = 400;
const HEIGHT = 100;
const EVENTS_TOLD = 10;
/** Stands before what the keys of a tab act on. */
export const CHOSEN = `${text.spoken.chosen} `;

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
      return pane(about, [notice === '' ? text.spoken.pane.console : notice]);
    }
    case 'graphs': {
      const [span, samples, curves] = [shownSpan(state), state.samples.get(machine.id) ?? [], shownCurves(state)];
      const charts = machineCharts(machine, samples, span, curves, state.nowMs);
      const lines = charts.map(({title, legend}) =>
        text.spoken.pane.chart(title, legend.map((piece) => piece.text).join(', ')),
      );
      return pane([...about, span.name], [text.spoken.pane.lastSpan(span.name), ...lines]);
    }
    case 'timeline': {
      const points = selectedTimeline(state)?.points;
      const point = chosenPoint(state);
      const key = [...about, String(points?.length), point?.id ?? ''];
      if (point === undefined || points === undefined) return pane(key, drawn(timelineLines(state, WIDTH)));
      const facts = [pointAge(point, state.nowMs), formatTime(point.createdAtMs), formatBytes(point.fileBytes)];
      if (point.isCurrent) facts.push(text.timeline.current);
      const place = text.words.of(points.indexOf(point) + 1, points.length);
      const note = point.note === undefined || point.note === '' ? [] : [point.note];
      return pane(key, [
        `${[`${pointLook(point.kind).word} ${point.name}`, ...facts, place].join(', ')}.`,
        ...note,
        text.spoken.pane.points,
      ]);
    }
    case 'net': {
      const forward = chosenForward(state);
      const network = selectedNetwork(state);
      const key = [String(network?.status !== undefined), network?.problem ?? '', forward ? forwardText(forward) : ''];
      return pane([...about, ...key], drawn(linesAbovePackets(state, WIDTH, HEIGHT)));
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
      return pane([...about, String(events.at(-1)?.seq)], lines.length === 0 ? [text.spoken.pane.noEvents] : lines);
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
