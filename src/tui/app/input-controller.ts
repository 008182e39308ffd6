/** Decides what a key means: what lies on top gets it first, then the keymap. */
import type {Action, ActionContext} from '../keys/action.js';
import {actionsIn, buildKeymap, type Keymap} from '../keys/keymap.js';
import {menuEntries, type PaletteEntry, paletteEntries} from '../keys/palette.js';
import {scrolledHelp} from '../screen.js';
import {type KeyScope, keyScope} from '../state/graphs.js';
import {type AppState, TABS} from '../state/model.js';
import {awayReason} from '../state/selectors.js';
import {editText, textInput} from '../state/text-input.js';
import type {InputEvent} from '../terminal/key-decoder.js';
import {handleOverlay, type OverlayOwner} from './overlay-keys.js';

/** Handles what the mouse did; `take` does what an entry of the menu or palette says. */
export type MouseHandler = (
  event: Extract<InputEvent, {kind: 'mouse'}>,
  context: ActionContext,
  input: InputController,
) => void;

/** Routes input events to overlays, the filter line and actions. */
export class InputController {
  private readonly keymaps: ReadonlyMap<KeyScope, Keymap>;
  private readonly actions: readonly Action[];
  private readonly actionsById: ReadonlyMap<string, Action>;
  private readonly context: () => ActionContext;
  private readonly onMouse: MouseHandler;

  /** Errors: throws when one key is bound to two actions that can be reached at once */
  constructor(actions: readonly Action[], context: () => ActionContext, onMouse: MouseHandler = () => undefined) {
    this.keymaps = new Map(([...TABS, 'fleet'] as const).map((tab) => [tab, buildKeymap(actionsIn(tab, actions))]));
    this.actions = actions;
    this.actionsById = new Map(actions.map((action) => [action.id, action]));
    this.context = context;
    this.onMouse = onMouse;
  }

  /** Handles one event. */
  handle(event: InputEvent): void {
    const context = this.context();
    const {state} = context;
    if (event.kind === 'key' && event.key === 'ctrl-c') context.quit();
    else if (!state.overlay && state.console.lookback?.mode === 'copy') context.console.handleLookback(event);
    else if (event.kind === 'mouse') this.onMouse(event, context, this);
    else if (state.overlay) handleOverlay(context, state.overlay, event, this.overlayOwner(context));
    else if (state.isFilterOpen) handleFilter(context, state, event);
    else if (event.kind === 'key') this.press(event.key);
  }

  /** Does what a key does that nothing on top takes. */
  press(key: string): void {
    const context = this.context();
    const action = this.keymaps.get(keyScope(context.state))?.get(key);
    if (action) this.runAction(action, context);
  }

  /** Does what an entry of the palette or menu says and closes it; says why when it cannot be done, and leaves it open. */
  take(entry: PaletteEntry): void {
    const context = this.context();
    if (entry.reason !== undefined) {
      context.toast(entry.reason, 'error');
      return;
    }
    context.dispatch({type: 'overlayClosed'});
    if (entry.kind === 'machine') context.dispatch({type: 'machineSelected', id: entry.id});
    else {
      const action = this.actionsById.get(entry.id);
      // The state without the overlay: an action may ask whether a question of its own is shown.
      if (action) this.runAction(action, this.context());
    }
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

  private overlayOwner(context: ActionContext): OverlayOwner {
    return {
      answer: (id) => {
        const action = this.actionsById.get(id);
        // The overlay as it is by now: a key may have chosen in it first.
        if (action) this.start(action, this.context());
      },
      take: (entry) => this.take(entry),
      paletteEntries: (text) => paletteEntries(context.state, this.actions, text),
      menuEntries: () => menuEntries(context.state, this.actions),
      scrolledHelp: (by) => scrolledHelp(context.state, this.actions, by),
    };
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
