/** The consoles' part of the state: looking back, what is new on those that are not shown, recordings. */
import type {ConsoleActivity} from '../../manager/protocol/console.js';
import {type Lookback, resizeLookback} from './lookback.js';
import type {AskedPaste} from './paste.js';

/** What happened on a console since it was last shown. A bell counts for more. */
export type Unseen = 'output' | 'bell';

/** A recording under way. */
export interface Recording {
  readonly path: string;
  readonly startedAtMs: number;
}

/** A dialog about a console: a paste that is asked about, or the list of chords. */
export type ConsoleDialog =
  | {readonly kind: 'paste'; readonly paste: AskedPaste; readonly isYes: boolean}
  | {readonly kind: 'chords'};

/** See the module. Maps are by machine id; `offsets` say how much of each console's output is known of. */
export interface ConsoleState {
  readonly lookback: Lookback | undefined;
  readonly unseen: ReadonlyMap<string, Unseen>;
  readonly offsets: ReadonlyMap<string, number>;
  readonly recordings: ReadonlyMap<string, Recording>;
}

/** What can happen to it. */
export type ConsoleNews =
  | {readonly type: 'lookedBack'; readonly lookback: Lookback | undefined}
  | {readonly type: 'lookbackResized'; readonly rows: number}
  | {readonly type: 'lookbackOutdated'; readonly machineId: string}
  | {readonly type: 'active'; readonly consoles: readonly ConsoleActivity[]; readonly shownIds: readonly string[]}
  | {readonly type: 'known'; readonly consoles: readonly ConsoleActivity[]}
  | {readonly type: 'seen'; readonly machineId: string}
  | {readonly type: 'removed'; readonly machineId: string}
  | {readonly type: 'recordingBegan'; readonly machineId: string; readonly recording: Recording}
  | {readonly type: 'recordingEnded'; readonly machineId: string};

/** Nothing is new, nothing is recorded. */
export const INITIAL_CONSOLE: ConsoleState = {
  lookback: undefined,
  unseen: new Map(),
  offsets: new Map(),
  recordings: new Map(),
};

/** What follows from news. Returns the same object when nothing changed. */
export function reduceConsole(state: ConsoleState, news: ConsoleNews): ConsoleState {
  switch (news.type) {
    case 'lookedBack':
      return state.lookback === news.lookback ? state : {...state, lookback: news.lookback};
    case 'lookbackResized': {
      const {lookback} = state;
      if (!lookback || lookback.rows === news.rows) return state;
      return {...state, lookback: resizeLookback(lookback, news.rows)};
    }
    case 'lookbackOutdated': {
      const {lookback} = state;
      if (lookback?.machineId !== news.machineId || lookback.isOutdated) return state;
      return {...state, lookback: {...lookback, isOutdated: true}};
    }
    case 'active':
      return news.consoles.reduce((before, activity) => noteActivity(before, activity, news.shownIds), state);
    case 'known': {
      const known = news.consoles.map(({machineId, endOffset}) => [machineId, endOffset] as const);
      return {...state, offsets: new Map([...known, ...state.offsets])};
    }
    case 'seen':
      return state.unseen.has(news.machineId) ? {...state, unseen: without(state.unseen, news.machineId)} : state;
    case 'removed':
      return {
        ...state,
        unseen: without(state.unseen, news.machineId),
        offsets: without(state.offsets, news.machineId),
        lookback: state.lookback?.machineId === news.machineId ? undefined : state.lookback,
      };
    case 'recordingBegan':
      return {...state, recordings: new Map(state.recordings).set(news.machineId, news.recording)};
    case 'recordingEnded':
      return {...state, recordings: without(state.recordings, news.machineId)};
  }
}

function noteActivity(state: ConsoleState, activity: ConsoleActivity, shownIds: readonly string[]): ConsoleState {
  const {machineId, endOffset, hasBell} = activity;
  const known = state.offsets.get(machineId) ?? Number.NEGATIVE_INFINITY;
  // A daemon that came back tells once more what its machines had printed before.
  if (endOffset <= known) return state;
  const offsets = new Map(state.offsets).set(machineId, endOffset);
  if (shownIds.includes(machineId)) return {...state, offsets};
  const isBell = hasBell || state.unseen.get(machineId) === 'bell';
  return {...state, offsets, unseen: new Map(state.unseen).set(machineId, isBell ? 'bell' : 'output')};
}

function without<Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
