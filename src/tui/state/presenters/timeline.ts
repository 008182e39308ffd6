/** The timeline of a machine as lines of a pane: a strip of points, and what is to be said of the chosen one. */

import {fitCells, textWidth, truncate, wrapText} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';
import type {AppState, TimelineView} from '../model.js';
import {chosenPoint, isLive, selectedMachine, selectedTimeline} from '../selectors.js';
import {pointAge, pointLook} from './point.js';
import {formatBytes, formatDuration, formatTime} from './units.js';

/** Rows above the picture of the chosen point. */
export const TIMELINE_HEAD_ROWS = 5;

/** A piece of a line in one style. */
interface Piece {
  readonly text: string;
  readonly token?: ThemeToken;
  readonly isBold?: boolean;
  readonly isInverse?: boolean;
}

const POINT_CELLS = 3;
const DAY_MS = 86_400_000;

/** The lines above the picture, `width` cells each; fewer where there is no point to picture. */
export function timelineLines(state: AppState, width: number): readonly (readonly Piece[])[] {
  const timeline = selectedTimeline(state);
  const point = chosenPoint(state);
  if (timeline === undefined) return [[{text: ' …', token: 'faint'}]];
  if (point === undefined) return noPoints(state, timeline, width);
  const {points} = timeline;
  const index = points.indexOf(point);
  const [first, last] = shownRange(points.length, index, width);
  const word = pointLook(point.kind).word;
  // The size still stands in the pane of a screen of 80 columns.
  const gap = width < 60 ? ' ' : '  ';
  const facts = [momentOf(point.createdAtMs, state.nowMs), pointAge(point, state.nowMs), formatBytes(point.fileBytes)];
  return [
    strip(timeline, index, first, last),
    [{text: ages(state, timeline, {first, last, index}, width), token: 'faint'}],
    [
      {text: ` ${pointLook(point.kind).glyph} ${word} `, token: pointLook(point.kind).token},
      {text: visibleText(point.name), isBold: true},
      {text: ['', ...facts, ...(point.isCurrent ? [text.timeline.current] : [])].join(gap)},
    ],
    remark(timeline, point.note, width),
    [{text: '─'.repeat(width), token: 'border'}],
  ];
}

/** Which points fit, around the chosen one; from and to, the latter not included. */
function shownRange(count: number, index: number, width: number): readonly [number, number] {
  // A mark at each end says that there are more.
  const fitting = Math.max(1, Math.floor((width - 4) / POINT_CELLS));
  const first = Math.max(0, Math.min(index - Math.floor(fitting / 2), count - fitting));
  return [first, Math.min(count, first + fitting)];
}

function strip({points}: TimelineView, index: number, first: number, last: number): readonly Piece[] {
  const row = points.slice(first, last).flatMap((point, offset): Piece[] => {
    const {glyph, token} = pointLook(point.kind);
    const isChosen = first + offset === index;
    const isLast = first + offset === points.length - 1;
    return [
      {text: `${glyph}${point.isCurrent ? '*' : isChosen ? ' ' : '─'}`, token, isInverse: isChosen, isBold: isChosen},
      {text: isLast ? ' ' : '─', token: 'faint'},
    ];
  });
  const more = (isThere: boolean, mark: string): Piece => ({text: isThere ? mark : ' ', token: 'faint'});
  return [more(first > 0, '◂'), {text: ' '}, ...row, more(last < points.length, '▸')];
}

function ages(
  {nowMs}: AppState,
  {points}: TimelineView,
  {first, last, index}: {first: number; last: number; index: number},
  width: number,
): string {
  const left = ` ${points[first] ? pointAge(points[first], nowMs) : ''}`;
  const newest = points[last - 1];
  const right = `${newest && last - first > 1 ? `${pointAge(newest, nowMs)} ` : ''}`;
  const place = text.words.of(index + 1, points.length);
  const room = width - textWidth(left) - textWidth(right);
  if (room < place.length + 2) return truncate(`${left}  ${place}`, width);
  const before = Math.floor((room - place.length) / 2);
  return `${left}${fitCells(' '.repeat(before) + place, room)}${right}`;
}

/** The chosen point's note, else what is wrong, else how checkpoints are taken. */
function remark({settings, broken}: TimelineView, note: string | undefined, width: number): readonly Piece[] {
  if (note !== undefined && note !== '') return [{text: truncate(` ${visibleText(note)}`, width)}];
  const wrong = settings.problem ?? broken[0];
  if (wrong !== undefined) return [{text: truncate(` ${visibleText(wrong)}`, width), token: 'failed'}];
  const {isEnabled, intervalMs, usedBytes, budgetBytes} = settings;
  const numbers = {
    interval: formatDuration(intervalMs),
    used: formatBytes(usedBytes),
    budget: formatBytes(budgetBytes),
  };
  const how = isEnabled ? text.timeline.on(numbers) : text.timeline.off(numbers);
  return [{text: truncate(` ${how}`, width), token: 'faint'}];
}

function noPoints(state: AppState, {settings}: TimelineView, width: number): readonly (readonly Piece[])[] {
  const {isEnabled, intervalMs, problem} = settings;
  const machine = selectedMachine(state);
  const lines = (sentence: string, token?: ThemeToken): Piece[][] =>
    wrapText(visibleText(sentence), width - 2).map((line) => [{text: ` ${line}`, ...(token ? {token} : {})}]);
  if (machine === undefined) return [];
  const {none} = text.timeline;
  const how = isEnabled ? none.on(formatDuration(intervalMs)) : none.off;
  return [
    ...lines(isLive(machine.state) ? how : none.notRunning),
    ...(isEnabled ? [] : lines(none.turnOn(`viv timeline ${machine.name} on`), 'faint')),
    ...(problem === undefined ? [] : lines(problem, 'failed')),
  ];
}

function momentOf(atMs: number, nowMs: number): string {
  if (nowMs - atMs < DAY_MS) return formatTime(atMs);
  const date = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${formatTime(atMs).slice(0, 5)}`;
}
