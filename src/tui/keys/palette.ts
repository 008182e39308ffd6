/** What the palette and the context menu list, made from the action records. */
import fuzzysort from 'fuzzysort';
import {selectedRow, visibleMachines} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {text} from '../text/text.js';
import type {Action} from './action.js';
import {actionsIn, keyLabel} from './keymap.js';

/** Most machines that are offered besides actions. */
const MACHINES_OFFERED = 8;

/** A line of the palette or of the menu. `reason` says why it cannot be taken now. */
export interface PaletteEntry {
  readonly kind: 'action' | 'machine';
  /** Of the action or of the machine. */
  readonly id: string;
  readonly keys: string;
  readonly text: string;
  /** The command that does the same, for the machine that is highlighted. */
  readonly command: string;
  readonly reason: string | undefined;
}

/** A command line for the highlighted machine. */
function commandFor(state: AppState, command: string | undefined): string {
  const row = selectedRow(state);
  if (command === undefined || row?.kind !== 'machine') return command ?? '';
  return command.replaceAll('NAME', row.machine.name);
}

function entryOf(state: AppState, action: Action): PaletteEntry {
  const permission = action.isEnabled(state);
  return {
    kind: 'action',
    id: action.id,
    keys: action.keys.map(keyLabel).join(' '),
    text: action.help,
    command: commandFor(state, action.command),
    reason: permission === true ? undefined : permission,
  };
}

/** The lines for what was typed, best first: actions that can be reached here, and machines to go to. */
export function paletteEntries(state: AppState, actions: readonly Action[], typed: string): readonly PaletteEntry[] {
  const entries = actionsIn(state.tab, actions)
    .filter(({id}) => id !== 'program.palette')
    .map((action) => entryOf(state, action));
  // What can be done now stands above what cannot.
  const wanted = typed.trim();
  if (wanted === '')
    return [...entries].sort((a, b) => Number(a.reason !== undefined) - Number(b.reason !== undefined));
  const machines = visibleMachines(state).map(({id, name}): PaletteEntry => {
    const goTo = text.actions.palette.goTo(name);
    return {kind: 'machine', id, keys: '', text: goTo, command: `viv show ${name}`, reason: undefined};
  });
  const limit = {limit: MACHINES_OFFERED, threshold: 0.3};
  const found = [
    ...fuzzysort.go(wanted, entries, {keys: ['text', 'command', 'id', 'keys'], threshold: 0.3}),
    ...fuzzysort.go(wanted, machines, {keys: ['text'], ...limit}),
  ];
  return [...found].sort((a, b) => b.score - a.score).map(({obj}) => obj);
}

/** What can be done with the highlighted machine, as its menu has it. */
export function menuEntries(state: AppState, actions: readonly Action[]): readonly PaletteEntry[] {
  return actionsIn(state.tab, actions)
    .filter(({group, keys, tab}) => group === 'Machines' && keys.length > 0 && tab === undefined)
    .sort((a, b) => (a.hint?.rank ?? 99) - (b.hint?.rank ?? 99) || (a.id < b.id ? -1 : 1))
    .map((action) => entryOf(state, action));
}

/** The first line that is shown of a menu's or palette's entries. */
export function firstEntry(chosen: number, count: number, rows: number): number {
  return Math.max(0, Math.min(chosen - Math.floor(rows / 2), count - rows));
}
