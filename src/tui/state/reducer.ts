/** What follows from each event: pure, and without React. */
import type {Image} from '../../manager/protocol/image.js';
import type {Machine} from '../../manager/protocol/machine.js';
import {reduceConsole} from './console.js';
import {reduceDisks} from './disks.js';
import type {AppEvent} from './events.js';
import {reduceGraphs} from './graphs.js';
import {compareNames, listRows, selectedRow, wallMachines} from './list.js';
import {withImages} from './machine-form.js';
import {type AppState, EVENTS_SHOWN, type Overlay, SAMPLES_SHOWN, type TimelineView} from './model.js';
import {moveForward, reduceNetwork} from './network.js';
import {followQuestions, leaveQuestion, moveAnswer, openQuestion} from './questions.js';
import {chosenPoint, isLive, selectedMachine, selectedTimeline} from './selectors.js';

const JOBS_KEPT = 20;

/** The state after an event. Returns the same object when nothing changed. */
export function reduce(state: AppState, event: AppEvent): AppState {
  return followQuestions(reduceNews(state, event));
}

function reduceNews(state: AppState, event: AppEvent): AppState {
  switch (event.type) {
    case 'connectionChanged':
      return {...state, connection: event.connection};
    case 'fleetLoaded':
      return reselect(state, {
        ...state,
        connection: {state: 'connected'},
        fleetSeq: event.fleetSeq,
        machines: sortByName(event.machines),
        jobs: event.jobs,
      });
    case 'machineChanged':
      return changeMachine(state, event.machine, event.seq);
    case 'machineRemoved':
      return removeMachine(state, event.id, event.seq);
    case 'jobChanged': {
      const others = state.jobs.filter((job) => job.id !== event.job.id);
      return {...state, jobs: [...others, event.job].slice(-JOBS_KEPT)};
    }
    case 'sampled':
      return {...state, host: event.host, nowMs: event.host.atMs, samples: appendSamples(state, event.machines)};
    case 'historyLoaded': {
      const newest = event.samples.slice(-SAMPLES_SHOWN);
      return {...state, samples: new Map(state.samples).set(event.machineId, newest)};
    }
    case 'timelineLoaded':
      return loadTimeline(state, event.timeline);
    case 'networkFollowed':
    case 'networkLoaded':
    case 'networkFailed':
    case 'packetsSeen':
      return reduceNetwork(state, event);
    case 'console': {
      const console = reduceConsole(state.console, event.news);
      return console === state.console ? state : {...state, console};
    }
    case 'spanMoved':
    case 'chartsScrolled':
    case 'curvesLoaded':
    case 'curvesFailed':
    case 'fleetViewShown':
    case 'fleetOrderMoved':
      return reduceGraphs(state, event);
    case 'disksLoaded':
    case 'diskMoved':
      return reduceDisks(state, event);
    case 'bootSeen': {
      const {type: _, ...boot} = event;
      return {...state, boot};
    }
    case 'imagesLoaded':
      return {...state, images: event.images, overlay: overlayWithImages(state.overlay, event.images)};
    case 'eventsLoaded':
      return {...state, events: event.events.slice(-EVENTS_SHOWN)};
    case 'eventHappened':
      if (state.events.some((known) => known.seq === event.event.seq)) return state;
      return {...state, events: [...state.events, event.event].slice(-EVENTS_SHOWN)};
    default:
      return reduceUi(state, event);
  }
}

type UiEvent = Extract<AppEvent, {type: keyof typeof UI_TYPES}>;
const UI_TYPES = {
  resized: 1,
  ticked: 1,
  selectionMoved: 1,
  machineSelected: 1,
  listChanged: 1,
  arranged: 1,
  dividerMoved: 1,
  mouseTurned: 1,
  speechTurned: 1,
  themeChosen: 1,
  tabChosen: 1,
  pointMoved: 1,
  forwardMoved: 1,
  focusMoved: 1,
  filterOpened: 1,
  filterEdited: 1,
  filterClosed: 1,
  overlayShown: 1,
  overlayClosed: 1,
  addressesTold: 1,
  questionOpened: 1,
  answerMoved: 1,
  questionLeft: 1,
  toasted: 1,
  toastExpired: 1,
  firstRunMoved: 1,
} as const;

function reduceUi(state: AppState, event: UiEvent): AppState {
  switch (event.type) {
    case 'resized':
      return {...state, size: event.size};
    case 'ticked':
      return {...state, nowMs: event.nowMs};
    case 'selectionMoved':
      return moveSelection(state, event.by);
    case 'machineSelected':
      return {...state, selectedId: event.id};
    case 'listChanged':
      return reselect(state, {...state, list: {...state.list, ...event.changes}});
    case 'arranged':
      return {...state, arrangement: event.arrangement};
    case 'dividerMoved':
      return {...state, listWidth: event.listWidth};
    case 'mouseTurned':
      return {...state, isMouseOn: event.isOn};
    case 'speechTurned':
      return {...state, isSpoken: event.isOn};
    case 'themeChosen':
      return {...state, theme: event.theme};
    case 'tabChosen':
      return reduceGraphs({...state, tab: event.tab}, {type: 'fleetViewShown', isShown: false});
    case 'pointMoved':
      return movePoint(state, event.by);
    case 'forwardMoved':
      return moveForward(state, event.by);
    case 'focusMoved':
      return state.focus === event.focus ? state : {...state, focus: event.focus};
    case 'filterOpened':
      return {...state, isFilterOpen: true};
    case 'filterEdited':
      return selectMatch(state, {...state, filter: event.text});
    case 'filterClosed':
      return reselect(state, {...state, isFilterOpen: false, filter: event.isKept ? state.filter : ''});
    case 'overlayShown':
      return {...state, overlay: event.overlay};
    case 'overlayClosed':
      return {...state, overlay: undefined};
    case 'addressesTold': {
      const {overlay} = state;
      if (overlay?.kind !== 'copy' || overlay.machineId !== event.machineId) return state;
      return {...state, overlay: {...overlay, addresses: event.addresses}};
    }
    case 'questionOpened':
      return openQuestion(state, event.questionId);
    case 'answerMoved':
      return moveAnswer(state, event.by);
    case 'questionLeft':
      return leaveQuestion(state);
    case 'toasted':
      return {...state, toast: event.toast};
    case 'toastExpired':
      return state.toast?.id === event.id ? {...state, toast: undefined} : state;
    case 'firstRunMoved':
      return {...state, firstRun: event.firstRun};
  }
}

function overlayWithImages(overlay: Overlay | undefined, images: readonly Image[]): Overlay | undefined {
  return overlay?.kind === 'machine' ? {...overlay, form: withImages(overlay.form, images)} : overlay;
}

function sortByName(machines: readonly Machine[]): readonly Machine[] {
  return [...machines].sort(compareNames);
}

// Keeps the highlighted row on one that is listed: the same, else the heading it went under, else the one now at its place.
function reselect(before: AppState, after: AppState): AppState {
  const rows = listRows(after);
  if (rows.some(({id}) => id === after.selectedId)) return after;
  const heading = rows.find((row) => row.kind === 'group' && row.machines.some(({id}) => id === after.selectedId));
  if (heading !== undefined) return {...after, selectedId: heading.id};
  const oldIndex = listRows(before).findIndex(({id}) => id === before.selectedId);
  const next = oldIndex < 0 ? selectedRow(after) : rows[Math.min(oldIndex, rows.length - 1)];
  return {...after, selectedId: next?.id};
}

// What is looked for is a machine: one that matches is highlighted, the same as before if it does, never just its heading.
function selectMatch(before: AppState, after: AppState): AppState {
  const machines = listRows(after).filter(({kind}) => kind === 'machine');
  if (machines.some(({id}) => id === after.selectedId)) return after;
  return machines[0] === undefined ? reselect(before, after) : {...after, selectedId: machines[0].id};
}

// A guest that ended cannot be typed at: the keyboard goes back to the list.
function changeMachine(state: AppState, machine: Machine, seq: number): AppState {
  const before = state.machines.find((known) => known.id === machine.id);
  const hasEnded = before !== undefined && isLive(before.state) && !isLive(machine.state);
  const isWatched = selectedMachine(state)?.id === machine.id;
  return reselect(state, {
    ...state,
    fleetSeq: seq,
    machines: sortByName([...state.machines.filter((known) => known.id !== machine.id), machine]),
    focus: hasEnded && isWatched ? 'list' : state.focus,
  });
}

function removeMachine(state: AppState, id: string, seq: number): AppState {
  const samples = new Map(state.samples);
  samples.delete(id);
  const machines = state.machines.filter((machine) => machine.id !== id);
  const wasWatched = selectedMachine(state)?.id === id;
  const isAsked = state.overlay?.kind === 'confirm' && state.overlay.confirmation.machineIds.every((one) => one === id);
  const marks = new Set(state.list.marks);
  marks.delete(id);
  return reselect(state, {
    ...state,
    fleetSeq: seq,
    machines,
    samples,
    console: reduceConsole(state.console, {type: 'removed', machineId: id}),
    list: {...state.list, marks},
    focus: wasWatched ? 'list' : state.focus,
    overlay: isAsked ? undefined : state.overlay,
  });
}

function moveSelection(state: AppState, by: number): AppState {
  // On the wall one goes from console to console.
  const rows = state.arrangement === 'wall' ? wallMachines(state) : listRows(state);
  if (rows.length === 0) return state;
  const current = rows.findIndex(({id}) => id === selectedRow(state)?.id);
  const index = Math.min(rows.length - 1, Math.max(0, current + by));
  return {...state, selectedId: rows[index]?.id};
}

// A chosen point that went is followed by the next newer one; who looks at the newest goes on looking at the newest.
function loadTimeline(state: AppState, timeline: TimelineView): AppState {
  const {timeline: before, pointId} = state;
  if (before?.machineId !== timeline.machineId) return {...state, timeline, pointId: undefined};
  const {points} = timeline;
  if (pointId === undefined || points.some(({id}) => id === pointId)) return {...state, timeline};
  const goneAtMs = before.points.find(({id}) => id === pointId)?.createdAtMs ?? Number.POSITIVE_INFINITY;
  return {...state, timeline, pointId: points.find(({createdAtMs}) => createdAtMs >= goneAtMs)?.id};
}

function movePoint(state: AppState, by: number): AppState {
  const points = selectedTimeline(state)?.points ?? [];
  const chosen = chosenPoint(state);
  const at = (chosen === undefined ? 0 : points.indexOf(chosen)) + by;
  const index = Math.min(points.length - 1, Math.max(0, at));
  return {...state, pointId: index === points.length - 1 ? undefined : points[index]?.id};
}

function appendSamples(state: AppState, news: Extract<AppEvent, {type: 'sampled'}>['machines']): AppState['samples'] {
  const samples = new Map(state.samples);
  for (const sample of news) {
    const old = samples.get(sample.machineId) ?? [];
    if ((old.at(-1)?.atMs ?? 0) >= sample.atMs) continue;
    samples.set(sample.machineId, [...old.slice(1 - SAMPLES_SHOWN), sample]);
  }
  return samples;
}
