/** Decides what a key means: what lies on top gets it first, then the keymap. */
import type {Action, ActionContext} from '../keys/action.js';
import {actionsIn, buildKeymap, type Keymap} from '../keys/keymap.js';
import {stepForm} from '../state/form.js';
import {type AppState, type Overlay, TABS, type Tab} from '../state/model.js';
import {awayReason} from '../state/selectors.js';
import {editText, textInput} from '../state/text-input.js';
import type {InputEvent} from '../terminal/key-decoder.js';
import {handleConsoleDialog} from './console-dialog.js';

/** Routes input events to overlays, the filter line and actions. */
export class InputController {
  private readonly keymaps: ReadonlyMap<Tab, Keymap>;
  private readonly actionsById: ReadonlyMap<string, Action>;
  private readonly context: () => ActionContext;

  /** Errors: throws when one key is bound to two actions that can be reached at once */
  constructor(actions: readonly Action[], context: () => ActionContext) {
    this.keymaps = new Map(TABS.map((tab) => [tab, buildKeymap(actionsIn(tab, actions))]));
    this.actionsById = new Map(actions.map((action) => [action.id, action]));
    this.context = context;
  }

  /** Handles one event. */
  handle(event: InputEvent): void {
    const context = this.context();
    const {state} = context;
    if (event.kind === 'key' && event.key === 'ctrl-c') context.quit();
    else if (state.overlay) this.handleOverlay(context, state.overlay, event);
    else if (state.console.lookback?.mode === 'copy') context.console.handleLookback(event);
    else if (event.kind === 'mouse') context.console.mouse(event);
    else if (state.isFilterOpen) handleFilter(context, state, event);
    else if (event.kind === 'key') this.handleKey(context, event.key);
  }

  private handleKey(context: ActionContext, key: string): void {
    const action = this.keymaps.get(context.state.tab)?.get(key);
    if (action) this.runAction(action, context);
  }

  /** Runs an action if it can act, else says why not. */
  private runAction(action: Action, context: ActionContext): void {
    // What has a command is asked of the manager.
    const away = action.command === undefined ? undefined : awayReason(context.state);
    const permission = away ?? action.isEnabled(context.state);
    if (permission !== true) {
      context.toast(permission, 'error');
      return;
    }
    this.start(action, context);
  }

  private start(action: Action, context: ActionContext): void {
    const fail = (error: unknown) => context.toast(describeError(error), 'error');
    try {
      void Promise.resolve(action.run(context)).catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  private handleOverlay(context: ActionContext, overlay: Overlay, event: InputEvent): void {
    const key = event.kind === 'key' ? event.key : '';
    if (overlay.kind === 'help') {
      const by = {up: -1, k: -1, down: 1, j: 1, pageup: -10, pagedown: 10}[key];
      if (by !== undefined) {
        const scroll = Math.max(0, overlay.scroll + by);
        context.dispatch({type: 'overlayShown', overlay: {kind: 'help', scroll}});
      } else if (key !== '') context.dispatch({type: 'overlayClosed'});
    } else if (overlay.kind === 'confirm') this.handleConfirm(context, overlay, key);
    else if (overlay.kind === 'console') handleConsoleDialog(context, overlay.dialog, key);
    else {
      const step = stepForm(overlay.form, event);
      if (step.kind === 'cancelled') context.dispatch({type: 'overlayClosed'});
      else if (step.kind === 'edited')
        context.dispatch({type: 'overlayShown', overlay: {kind: 'form', form: step.form}});
      else this.startById(overlay.form.token, context);
    }
  }

  private handleConfirm(context: ActionContext, overlay: Extract<Overlay, {kind: 'confirm'}>, key: string): void {
    const {confirmation} = overlay;
    if (['left', 'right', 'tab', 'shift-tab', 'h', 'l'].includes(key)) {
      const turned = {...confirmation, isYes: !confirmation.isYes};
      context.dispatch({type: 'overlayShown', overlay: {kind: 'confirm', confirmation: turned}});
    } else if (key === 'y' || (key === 'enter' && confirmation.isYes)) {
      this.startById(confirmation.token, context);
      context.dispatch({type: 'overlayClosed'});
    } else if (['n', 'esc', 'enter', 'q'].includes(key)) context.dispatch({type: 'overlayClosed'});
  }

  private startById(id: string, context: ActionContext): void {
    const action = this.actionsById.get(id);
    if (action) this.start(action, context);
  }
}

function handleFilter(context: ActionContext, state: AppState, event: InputEvent): void {
  const key = event.kind === 'key' ? event.key : '';
  if (key === 'esc') context.dispatch({type: 'filterClosed', isKept: false});
  else if (key === 'enter') context.dispatch({type: 'filterClosed', isKept: true});
  else if (key === 'up' || key === 'down') context.dispatch({type: 'selectionMoved', by: key === 'up' ? -1 : 1});
  else {
    const edited = editText(textInput(state.filter), event);
    if (edited) context.dispatch({type: 'filterEdited', text: edited.text});
  }
}

/** An error as one line for a toast: the sentence and, where there is one, the next step. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'hint' in error && typeof error.hint === 'string' ? `${error.message} ${error.hint}` : error.message;
}
