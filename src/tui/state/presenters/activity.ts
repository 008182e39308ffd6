/** Jobs and events of the whole fleet as lines. */
import type {FleetEvent} from '../../../manager/protocol/events.js';
import type {Job} from '../../../manager/protocol/job.js';
import type {Segment} from '../../components/line.js';
import {fitCells} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';
import type {AppState} from '../model.js';
import {jobFraction, jobLine, progressBar} from './job.js';
import {formatTime} from './units.js';

const BAR_WIDTH = 20;
const SUBJECT_WIDTH = 22;

const JOB_TOKENS: Readonly<Record<Job['state'], ThemeToken>> = {
  running: 'busy',
  done: 'running',
  failed: 'failed',
  cancelled: 'faint',
};

/** Jobs as they are listed: those that run first, then the newest. */
export function listedJobs(state: AppState): readonly Job[] {
  const newest = [...state.jobs].reverse();
  return [...newest.filter(({state: is}) => is === 'running'), ...newest.filter(({state: is}) => is !== 'running')];
}

/** A job as a line of `width` cells. */
export function jobSegments(job: Job, isChosen: boolean, width: number): readonly Segment[] {
  const bar = job.state === 'running' ? `${progressBar(jobFraction(job), BAR_WIDTH)} ` : '';
  const told = job.error === undefined ? jobLine(job) : `${job.error.message} ${job.error.hint}`;
  const left = ` ${isChosen ? '▸' : ' '} ${fitCells(visibleText(job.subject), SUBJECT_WIDTH)} `;
  return [
    {text: left, isBold: isChosen},
    {text: fitCells(text.states.jobs[job.state], 10), token: JOB_TOKENS[job.state]},
    {text: fitCells(`${bar}${visibleText(told)}`, Math.max(0, width - left.length - 10))},
  ];
}

/** Events whose kind, machine or message has all words, oldest first. */
export function matchingEvents(events: readonly FleetEvent[], filter: string): readonly FleetEvent[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return events;
  return events.filter(({kind, machineName = '', message}) => {
    const all = `${kind} ${machineName} ${message}`.toLowerCase();
    return words.every((word) => (/^[-!]./.test(word) ? !all.includes(word.slice(1)) : all.includes(word)));
  });
}

/** An event as a line. */
export function eventSegments({atMs, kind, message}: FleetEvent): readonly Segment[] {
  const isTrouble = /crashed|failed|broken|ignored/.test(kind);
  return [
    {text: ` ${formatTime(atMs)} `, token: 'faint'},
    {text: visibleText(message), ...(isTrouble ? {token: 'failed' as const} : {})},
  ];
}
