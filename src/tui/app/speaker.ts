/** Tells what changes on the screen as lines, one after the other: nothing is drawn over, so a screen reader follows. */
import type {Action} from '../keys/action.js';
import {selectedRow} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {tabLabel} from '../state/presenters/machine.js';
import {spokenFleet, spokenOverlay, spokenRow} from '../state/presenters/spoken.js';
import {visibleText} from '../terminal/visible-text.js';

/** See the module. */
export class Speaker {
  private readonly write: (line: string) => void;
  private readonly actions: readonly Action[];
  private readonly paneLines: (state: AppState) => readonly string[];
  private before: AppState | undefined;
  private toldRow = '';
  private toldOverlay: readonly string[] = [];

  /** `write` takes lines; `paneLines` are those of the tab that is shown. */
  constructor(
    write: (line: string) => void,
    actions: readonly Action[],
    paneLines: (state: AppState) => readonly string[],
  ) {
    this.write = write;
    this.actions = actions;
    this.paneLines = paneLines;
  }

  /** Takes note of a state, and tells what is new in it. */
  follow(state: AppState): void {
    const before = this.before;
    this.before = state;
    if (state.toast !== undefined && state.toast.id !== before?.toast?.id) this.write(visibleText(state.toast.text));
    this.tellConnection(before, state);
    this.tellOverlay(state);
    if (state.overlay !== undefined) return;
    if (state.isFilterOpen && state.filter !== before?.filter) this.write(`Filter: ${visibleText(state.filter)}`);
    this.tellRow(before, state);
    if (before !== undefined && state.tab !== before.tab) {
      this.write(`${tabLabel(state.tab)}.`);
      for (const line of this.paneLines(state)) this.write(visibleText(line));
    }
  }

  private tellConnection(before: AppState | undefined, state: AppState): void {
    const {connection} = state;
    if (connection.state === before?.connection.state && connection.message === before.connection.message) return;
    if (connection.state === 'connected') {
      this.write(spokenFleet(state));
      if (state.machines.length === 0) this.write('There is no machine yet. Press Enter to boot debian-mini.');
    } else this.write([connection.message ?? spokenFleet(state), connection.hint ?? ''].join(' ').trim());
  }

  // Only lines that differ: in a form the title is told once.
  private tellOverlay(state: AppState): void {
    const lines = spokenOverlay(state, this.actions);
    for (const line of lines) if (!this.toldOverlay.includes(line)) this.write(line);
    if (lines.length === 0 && this.toldOverlay.length > 0) this.write('Closed.');
    this.toldOverlay = lines;
  }

  // Numbers change all the time: a row is told when another is highlighted, or its machine has another state.
  private tellRow(before: AppState | undefined, state: AppState): void {
    if (state.connection.state !== 'connected' || state.machines.length === 0) return;
    const row = selectedRow(state);
    const key = JSON.stringify([
      row?.id,
      row?.kind === 'machine' ? [row.machine.name, row.machine.state] : row?.isFolded,
      row !== undefined && state.list.marks.has(row.id),
    ]);
    if (before !== undefined && key === this.toldRow) return;
    this.toldRow = key;
    this.write(spokenRow(state));
  }
}
