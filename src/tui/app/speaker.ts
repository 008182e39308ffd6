/** Tells what changes in the state as lines, one after the other: nothing is drawn over, so a screen reader follows. */
import type {Action} from '../keys/action.js';
import {isFleetInSight} from '../state/graphs.js';
import {markedMachines, selectedRow} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {stateLook, tabLabel} from '../state/presenters/machine.js';
import {spokenFleet, spokenJob, spokenOverlay, spokenRow} from '../state/presenters/spoken.js';
import {CHOSEN, type SpokenPane, spokenPane} from '../state/presenters/spoken-pane.js';
import {text} from '../text/text.js';

/** See the module. */
export class Speaker {
  private readonly tell: (line: string) => void;
  private readonly actions: readonly Action[];
  private before: AppState | undefined;
  private toldToast: number | undefined;
  private toldRow = '';
  private toldOverlay: readonly string[] = [];
  private toldPane: SpokenPane | undefined;
  private readonly toldJobs = new Map<string, string>();

  /** `tell` takes lines, which may hold what guests chose. */
  constructor(tell: (line: string) => void, actions: readonly Action[]) {
    this.tell = tell;
    this.actions = actions;
  }

  /** Takes note of a state, and tells what is new in it. */
  follow(state: AppState): void {
    const before = this.before;
    if (state === before) return;
    this.before = state;
    this.tellToast(state);
    this.tellConnection(before, state);
    this.tellJobs(before, state);
    this.tellFirstRun(before, state);
    if (before !== undefined) this.tellCrashes(before, state);
    this.tellOverlay(state);
    if (state.overlay !== undefined) return;
    this.tellFilter(before, state);
    if (before !== undefined) this.tellView(before, state);
    this.tellRow(state);
    this.tellPane(before, state);
  }

  /** Tells the message that is shown, and nothing else: what else there is to tell is told with the next state. */
  tellToast({toast}: AppState): void {
    if (toast === undefined || toast.id === this.toldToast) return;
    this.toldToast = toast.id;
    this.tell(toast.text);
  }

  private tellConnection(before: AppState | undefined, state: AppState): void {
    const {connection} = state;
    if (connection.state === before?.connection.state && connection.message === before.connection.message) return;
    if (connection.state === 'connected') {
      this.tell(spokenFleet(state));
      if (state.machines.length === 0) this.tell(text.speech.noMachine);
    } else this.tell([connection.message ?? spokenFleet(state), connection.hint ?? ''].join(' ').trim());
  }

  // Those that had ended before this was begun are no news.
  private tellJobs(before: AppState | undefined, state: AppState): void {
    if (state.jobs === before?.jobs) return;
    for (const job of state.jobs) {
      const line = spokenJob(job);
      const isNews = job.state === 'running' || this.toldJobs.has(job.id);
      if (isNews && this.toldJobs.get(job.id) !== line) this.tell(line);
      this.toldJobs.set(job.id, line);
    }
    for (const id of this.toldJobs.keys()) if (!state.jobs.some((job) => job.id === id)) this.toldJobs.delete(id);
  }

  private tellFirstRun(before: AppState | undefined, {firstRun}: AppState): void {
    if (before === undefined || firstRun === before.firstRun) return;
    const words = text.speech.firstRun;
    const {stage, jobId, error, hint} = firstRun;
    if (error !== undefined) this.tell(`${error} ${hint ?? ''}`);
    else if (stage === 'creating') this.tell(words.starting);
    else if (stage === 'building') this.tell(jobId === undefined ? words.looking : words.building);
  }

  // That of the highlighted machine is told with its row.
  private tellCrashes(before: AppState, state: AppState): void {
    if (state.machines === before.machines) return;
    const highlighted = selectedRow(state)?.id;
    for (const {id, name, state: now, reason} of state.machines) {
      if ((now !== 'crashed' && now !== 'broken') || id === highlighted) continue;
      const old = before.machines.find((machine) => machine.id === id);
      if (old !== undefined && old.state !== now)
        this.tell(text.speech.failed(name, stateLook(now).word, reason ?? ''));
    }
  }

  // Only lines that differ: in a form the title is told once.
  private tellOverlay(state: AppState): void {
    const lines = spokenOverlay(state, this.actions);
    for (const line of lines) if (!this.toldOverlay.includes(line)) this.tell(line);
    if (lines.length === 0 && this.toldOverlay.length > 0) this.tell(text.speech.closed);
    this.toldOverlay = lines;
  }

  private tellFilter(before: AppState | undefined, state: AppState): void {
    const words = text.speech.filter;
    if (!state.isFilterOpen) {
      if (before?.isFilterOpen) this.tell(state.filter === '' ? words.none : words.kept(state.filter));
    } else if (!before?.isFilterOpen) this.tell(words.opened);
    else if (state.filter !== before.filter) this.tell(words.edited(state.filter));
  }

  private tellView(before: AppState, state: AppState): void {
    if (isFleetInSight(state) !== isFleetInSight(before))
      this.tell(isFleetInSight(state) ? text.speech.fleet : text.speech.closed);
    if (state.graphs.fleetOrder !== before.graphs.fleetOrder)
      this.tell(text.actions.sort.done(text.actions.fleetOrders[state.graphs.fleetOrder]));
    if (state.list.isReversed !== before.list.isReversed)
      this.tell(state.list.isReversed ? text.speech.reversed : text.speech.usualOrder);
    if (state.arrangement !== before.arrangement) this.tell(text.speech.notArranged);
    const marked = markedMachines(state).length;
    if (state.list.marks !== before.list.marks && marked !== markedMachines(before).length)
      this.tell(text.speech.marked(marked));
  }

  // Numbers change all the time: a row is told when another is highlighted, or its machine has another state.
  private tellRow(state: AppState): void {
    if (state.connection.state !== 'connected' || state.machines.length === 0) return;
    const row = selectedRow(state);
    const key = JSON.stringify([
      row?.id,
      row?.kind === 'machine' ? [row.machine.name, row.machine.state, row.machine.reason] : row?.isFolded,
      row !== undefined && state.list.marks.has(row.id),
    ]);
    if (key === this.toldRow) return;
    this.toldRow = key;
    this.tell(spokenRow(state));
  }

  // Of a tab that is shown already, what is new in it.
  private tellPane(before: AppState | undefined, state: AppState): void {
    if (state.connection.state !== 'connected' || state.machines.length === 0) return;
    const isOther = before === undefined || state.tab !== before.tab;
    const pane = spokenPane(state);
    if (isOther && before !== undefined) this.tell(text.speech.tab(tabLabel(state.tab)));
    const told = this.toldPane;
    if (!isOther && pane.key === told?.key) return;
    this.toldPane = pane;
    // The console's tab tells of a machine what its row has told already.
    if (before === undefined || (!isOther && state.tab === 'console')) return;
    const known = new Set(isOther ? [] : told?.lines);
    for (const line of pane.lines) if (!known.has(line) && !known.has(`${CHOSEN}${line}`)) this.tell(line);
  }
}
