/**
 * The life of a machine as one table.
 *
 *              start                started
 *   defined ──────────▶ starting ──────────▶ running ◀───────┐
 *     ▲ ▲ ▲                │  ▲                │ ▲  │ paused │ resumed
 *     │ │ └─ start-failed ─┘  │ start     ask- │ │  ▼        │
 *     │ │    off              │           shut-│ │ paused ───┘
 *     │ │                  crashed        down │ │ ignored
 *     │ │                     ▲              ▼ │
 *     │ │         crashed     │            stopping
 *     │ └─────────────────────┼──────────────┘ off
 *     └── off (from running, paused) ── guest powered off, or forced
 *
 *              save              written                 start
 *   running ──────────▶ saving ──────────▶ saved ⇄ starting
 *   paused  ──────────▶    │                  restore-failed
 *      ▲                   │ goes-on (to running), stands-still (to paused):
 *      └───────────────────┘ a snapshot was taken, or the save failed
 *
 * `discarded` takes a machine from saved to defined: it is to go on from something else.
 * A guest that is saved stands still. `written` comes when the file is durable and the process has ended, by itself or not.
 * `halted`, a failing disk of the host, pauses a machine that is running or stopping.
 * `crashed` leads to `saved` as well: the process died behind the state that it had written.
 * `crashed` is reached from every state that has a process; `broken` (unreadable definition) has no way out but
 * removing it or repairing the file.
 */
import type {MachineState} from '../protocol/machine.js';

/** What can happen to a machine. `off` is a guest's power-off and a forced one alike. */
export type LifeEvent =
  | 'start'
  | 'start-failed'
  | 'started'
  | 'paused'
  | 'halted'
  | 'resumed'
  | 'ask-shutdown'
  | 'shutdown-ignored'
  | 'save'
  | 'goes-on'
  | 'stands-still'
  | 'written'
  | 'restore-failed'
  | 'discarded'
  | 'off'
  | 'crashed';

/** The table. An event that is not listed for a state cannot happen in it. */
export const lifecycle: Readonly<Record<MachineState, Readonly<Partial<Record<LifeEvent, MachineState>>>>> = {
  defined: {start: 'starting'},
  starting: {
    started: 'running',
    'start-failed': 'defined',
    'restore-failed': 'saved',
    off: 'defined',
    crashed: 'crashed',
  },
  running: {
    paused: 'paused',
    halted: 'paused',
    'ask-shutdown': 'stopping',
    save: 'saving',
    off: 'defined',
    crashed: 'crashed',
  },
  paused: {resumed: 'running', save: 'saving', off: 'defined', crashed: 'crashed'},
  stopping: {halted: 'paused', 'shutdown-ignored': 'running', off: 'defined', crashed: 'crashed'},
  saving: {'goes-on': 'running', 'stands-still': 'paused', written: 'saved', off: 'defined', crashed: 'crashed'},
  saved: {start: 'starting', discarded: 'defined'},
  crashed: {start: 'starting', written: 'saved'},
  broken: {},
};

/** The state after an event, or `undefined` when the event cannot happen. */
export function nextState(state: MachineState, event: LifeEvent): MachineState | undefined {
  return lifecycle[state][event];
}

/** True when a machine in this state has, or is about to have, a process. */
export function hasProcess(state: MachineState): boolean {
  return lifecycle[state].off !== undefined;
}
