/** The whole of what the TUI shows, as plain data: a mirror of the daemon and where the person is in it. */
import type {FleetEvent} from '../../manager/protocol/events.js';
import type {Image} from '../../manager/protocol/image.js';
import type {Job} from '../../manager/protocol/job.js';
import type {Machine} from '../../manager/protocol/machine.js';
import type {HostSample, MachineSample} from '../../manager/protocol/metrics.js';
import type {NetworkStatus} from '../../manager/protocol/network.js';
import type {Snapshot} from '../../manager/protocol/snapshot.js';
import type {Timeline} from '../../manager/protocol/timeline.js';
import type {ThemeName} from '../theme.js';
import type {BootSeen} from './boot-stage.js';
import {type ConsoleDialog, type ConsoleState, INITIAL_CONSOLE} from './console.js';
import type {DisksView} from './disks.js';
import type {FormState} from './form.js';
import {type GraphsView, initialGraphs} from './graphs.js';
import type {Arrangement} from './layout.js';
import {initialList, type ListView} from './list.js';
import type {MachineForm} from './machine-form.js';
import {type TextInput, textInput} from './text-input.js';

/** Samples kept per machine for charts and sparklines: two minutes. */
export const SAMPLES_SHOWN = 120;

/** Events kept for the Log tab, of all machines together. */
export const EVENTS_SHOWN = 500;

/** Tabs of the right pane, in the order of their digits. */
export const TABS = ['console', 'graphs', 'timeline', 'net', 'disks', 'log', 'config'] as const;
/** One of {@link TABS}. */
export type Tab = (typeof TABS)[number];

/** How the TUI stands to the daemon. `message` and `hint` explain a failure. */
export interface Connection {
  readonly state: 'connecting' | 'connected' | 'lost' | 'ended' | 'closed';
  readonly message?: string;
  readonly hint?: string;
}

/** Who gets the keyboard: the list, the console in the right pane, or the console on the whole screen. */
export type Focus = 'list' | 'console' | 'fullscreen';

/**
 * A question that is answered with yes or no; `token` tells its owner which one it was. With a `phrase` yes is to type it:
 * for what loses data, or acts on many machines.
 */
export interface Confirmation {
  readonly token: string;
  readonly machineIds: readonly string[];
  /** What of the machine it is about: a point's id. */
  readonly subject?: string;
  readonly title: string;
  readonly question: string;
  readonly yesLabel: string;
  readonly isYes: boolean;
  readonly phrase?: string;
  readonly typed: TextInput;
}

/** A question as it is asked first. */
export function unanswered(question: Omit<Confirmation, 'isYes' | 'typed'>): Overlay {
  return {kind: 'confirm', confirmation: {...question, isYes: false, typed: textInput()}};
}

/** The points of a machine, oldest first, and how checkpoints of it are taken. `broken` has sentences. */
export interface TimelineView {
  readonly machineId: string;
  readonly settings: Timeline;
  readonly points: readonly Snapshot[];
  readonly broken: readonly string[];
}

/** Packets kept for the Net tab. */
export const PACKETS_SHOWN = 200;

/** A packet as it passed, in one line. Units: milliseconds since 1970 */
export interface PacketLine {
  readonly atMs: number;
  readonly isReceived: boolean;
  readonly text: string;
}

/**
 * The network of the machine whose Net tab is shown. Packets are the newest, oldest first; `missedCount` more passed that
 * were not looked at. `problem` says why there is nothing to see.
 */
export interface NetworkView {
  readonly machineId: string;
  readonly status: NetworkStatus | undefined;
  readonly packets: readonly PacketLine[];
  readonly missedCount: number;
  readonly problem: string | undefined;
}

/** What lies above the screen and takes the keys. */
export type Overlay =
  | {readonly kind: 'help'; readonly scroll: number}
  | {readonly kind: 'confirm'; readonly confirmation: Confirmation}
  | {readonly kind: 'form'; readonly form: FormState}
  | {readonly kind: 'machine'; readonly form: MachineForm}
  | {readonly kind: 'console'; readonly dialog: ConsoleDialog}
  /** `scroll` counts events back from the newest. */
  | {
      readonly kind: 'activity';
      readonly chosen: number;
      readonly scroll: number;
      readonly filter: TextInput;
      readonly isFiltering: boolean;
    }
  | {readonly kind: 'palette'; readonly input: TextInput; readonly chosen: number}
  /** Without a place it lies beside the highlighted row. */
  | {readonly kind: 'menu'; readonly chosen: number; readonly at?: {readonly x: number; readonly y: number}}
  | {readonly kind: 'copy'; readonly machineId: string; readonly addresses: readonly string[]; readonly chosen: number}
  /** What a guest waits for; `chosen` is a place in `ANSWERS`. */
  | {readonly kind: 'question'; readonly questionId: string; readonly chosen: number};

/** A short message in the bottom line. */
export interface Toast {
  readonly id: number;
  readonly tone: 'info' | 'error';
  readonly text: string;
}

/** The first-run choice: what it is doing, or the failure it ended with. */
export interface FirstRun {
  readonly stage: 'idle' | 'building' | 'creating';
  readonly jobId?: string;
  readonly error?: string;
  readonly hint?: string;
}

/** Size of the terminal in cells. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Everything. Machines are sorted by name; `samples` and `history` are by machine id. */
export interface AppState {
  readonly connection: Connection;
  readonly fleetSeq: number;
  readonly machines: readonly Machine[];
  readonly jobs: readonly Job[];
  readonly images: readonly Image[];
  readonly events: readonly FleetEvent[];
  readonly samples: ReadonlyMap<string, readonly MachineSample[]>;
  readonly host: HostSample | undefined;
  /** Of the machine whose Timeline tab was shown last. */
  readonly timeline: TimelineView | undefined;
  /** The point that was chosen; without one it is the newest. */
  readonly pointId: string | undefined;
  /** Of the machine whose Net tab was shown last, and which of its port forwards is chosen. */
  readonly network: NetworkView | undefined;
  readonly forwardAt: number;
  readonly graphs: GraphsView;
  /** Of the machine whose boot was watched last. */
  readonly boot: BootSeen | undefined;
  /** Of the machine whose Disks tab was shown last. */
  readonly disks: DisksView | undefined;
  readonly nowMs: number;
  readonly size: ScreenSize;
  /** The highlighted row: a machine's id, or that of a group's heading. */
  readonly selectedId: string | undefined;
  readonly list: ListView;
  /** How list and panes share the screen, and how wide the list was made. */
  readonly arrangement: Arrangement;
  readonly listWidth: number | undefined;
  readonly isMouseOn: boolean;
  /** Nothing is drawn from the next start on: the UI is told as lines, for screen readers. */
  readonly isSpoken: boolean;
  readonly theme: ThemeName;
  readonly hasOwnTheme: boolean;
  readonly filter: string;
  readonly isFilterOpen: boolean;
  readonly tab: Tab;
  readonly focus: Focus;
  readonly overlay: Overlay | undefined;
  /** Questions of guests that were put off, or answered a moment ago. */
  readonly laterIds: ReadonlySet<string>;
  readonly toast: Toast | undefined;
  readonly firstRun: FirstRun;
  readonly console: ConsoleState;
}

/** The state before anything is known. */
export function initialState(size: ScreenSize, nowMs: number): AppState {
  return {
    connection: {state: 'connecting'},
    fleetSeq: 0,
    machines: [],
    jobs: [],
    images: [],
    events: [],
    samples: new Map(),
    host: undefined,
    timeline: undefined,
    pointId: undefined,
    network: undefined,
    forwardAt: 0,
    graphs: initialGraphs,
    boot: undefined,
    disks: undefined,
    nowMs,
    size,
    selectedId: undefined,
    list: initialList,
    arrangement: 'split',
    listWidth: undefined,
    isMouseOn: true,
    isSpoken: false,
    theme: 'dark',
    hasOwnTheme: false,
    filter: '',
    isFilterOpen: false,
    tab: 'console',
    focus: 'list',
    overlay: undefined,
    laterIds: new Set(),
    toast: undefined,
    firstRun: {stage: 'idle'},
    console: INITIAL_CONSOLE,
  };
}
