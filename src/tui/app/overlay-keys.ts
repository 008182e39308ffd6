/** Keys of what lies above the screen: help, questions, forms, the palette and the menu. */
import {answer} from '../actions/answer.js';
import {copy} from '../actions/copy.js';
import type {ActionContext} from '../keys/action.js';
import type {PaletteEntry} from '../keys/palette.js';
import {stepForm} from '../state/form.js';
import type {Overlay} from '../state/model.js';
import {matchingEvents} from '../state/presenters/activity.js';
import {copyEntries} from '../state/presenters/copy-menu.js';
import {editText, textInput} from '../state/text-input.js';
import type {InputEvent} from '../terminal/key-decoder.js';
import {handleConsoleDialog} from './console-dialog.js';
import {handleMachineForm} from './machine-form-keys.js';

type Of<Kind extends Overlay['kind']> = Extract<Overlay, {kind: Kind}>;

/** What the keys of overlays need of their owner. */
export interface OverlayOwner {
  /** Runs the action that asked or opened the form. */
  answer(id: string): void;
  /** Does what an entry of the palette or menu says, if it can be done. */
  take(entry: PaletteEntry): void;
  paletteEntries(text: string): readonly PaletteEntry[];
  menuEntries(): readonly PaletteEntry[];
  /** The first line of the help page once it is scrolled on by so many. */
  scrolledHelp(by: number): number;
}

/** Handles an event for the overlay that is shown. */
export function handleOverlay(context: ActionContext, overlay: Overlay, event: InputEvent, owner: OverlayOwner): void {
  const show = (changed: Overlay) => context.dispatch({type: 'overlayShown', overlay: changed});
  const close = () => context.dispatch({type: 'overlayClosed'});
  const key = event.kind === 'key' ? event.key : '';
  switch (overlay.kind) {
    case 'help':
      handleHelp(overlay, key);
      break;
    case 'confirm':
      handleConfirm(overlay, event, key);
      break;
    case 'form':
      handleForm(overlay, event);
      break;
    case 'machine':
      handleMachineForm(context, overlay.form, event, owner.answer);
      break;
    case 'palette':
      handlePalette(overlay, event, key);
      break;
    case 'menu':
      handleMenu(overlay, key);
      break;
    case 'copy':
      handleCopy(overlay, key);
      break;
    case 'activity':
      handleActivity(overlay, event, key);
      break;
    case 'console':
      handleConsoleDialog(context, overlay.dialog, key);
      break;
    case 'question':
      handleQuestion(key);
  }

  function handleHelp(help: Of<'help'>, pressed: string): void {
    const by = {up: -1, k: -1, down: 1, j: 1, pageup: -10, pagedown: 10}[pressed];
    if (by !== undefined) show({...help, scroll: owner.scrolledHelp(by)});
    else if (pressed !== '') close();
  }

  function handleConfirm({confirmation}: Of<'confirm'>, typed: InputEvent, pressed: string): void {
    const {phrase} = confirmation;
    if (phrase !== undefined) {
      if (pressed === 'esc') close();
      else if (pressed === 'enter') {
        if (confirmation.typed.text.trim() !== phrase) return;
        owner.answer(confirmation.token);
        close();
      } else {
        const edited = editText(confirmation.typed, typed);
        if (edited) show({kind: 'confirm', confirmation: {...confirmation, typed: edited}});
      }
      return;
    }
    if (['left', 'right', 'tab', 'shift-tab', 'h', 'l'].includes(pressed))
      show({kind: 'confirm', confirmation: {...confirmation, isYes: !confirmation.isYes}});
    else if (pressed === 'y' || (pressed === 'enter' && confirmation.isYes)) {
      owner.answer(confirmation.token);
      close();
    } else if (['n', 'esc', 'enter', 'q'].includes(pressed)) close();
  }

  /** No letter gives an answer: the dialog may come under somebody's fingers. */
  function handleQuestion(pressed: string): void {
    const by = {up: -1, k: -1, 'shift-tab': -1, down: 1, j: 1, tab: 1}[pressed];
    if (by !== undefined) context.dispatch({type: 'answerMoved', by});
    else if (pressed === 'enter') owner.answer(answer.id);
    else if (pressed === 'esc') context.dispatch({type: 'questionLeft'});
  }

  function handleForm({form}: Of<'form'>, typed: InputEvent): void {
    const step = stepForm(form, typed);
    if (step.kind === 'cancelled') close();
    else if (step.kind === 'edited') show({kind: 'form', form: step.form});
    else owner.answer(form.token);
  }

  function handlePalette(palette: Of<'palette'>, typed: InputEvent, pressed: string): void {
    const entries = owner.paletteEntries(palette.input.text);
    const by = {up: -1, down: 1, 'ctrl-p': -1, 'ctrl-n': 1, pageup: -10, pagedown: 10}[pressed];
    if (pressed === 'esc') close();
    else if (by !== undefined) show({...palette, chosen: stepped(palette.chosen, by, entries.length)});
    else if (pressed === 'enter') {
      const entry = entries[palette.chosen];
      if (entry !== undefined) owner.take(entry);
    } else {
      const input = editText(palette.input, typed);
      if (input) show({kind: 'palette', input, chosen: input.text === palette.input.text ? palette.chosen : 0});
    }
  }

  function handleActivity(shown: Of<'activity'>, typed: InputEvent, pressed: string): void {
    if (shown.isFiltering) {
      if (pressed === 'enter') show({...shown, isFiltering: false});
      else if (pressed === 'esc') show({...shown, isFiltering: false, filter: textInput()});
      else {
        const filter = editText(shown.filter, typed);
        if (filter) show({...shown, filter, scroll: 0});
      }
      return;
    }
    const by = {up: -1, k: -1, down: 1, j: 1}[pressed];
    const older = {pageup: 10, pagedown: -10}[pressed];
    const jobCount = context.state.jobs.length;
    const eventCount = matchingEvents(context.state.events, shown.filter.text).length;
    if (by !== undefined) show({...shown, chosen: Math.max(0, stepped(shown.chosen, by, jobCount))});
    else if (older !== undefined) show({...shown, scroll: Math.max(0, stepped(shown.scroll, older, eventCount))});
    else if (pressed === '/') show({...shown, isFiltering: true});
    else if (pressed === 'x') owner.answer('program.activity');
    else if (pressed === 'esc' || pressed === 'l' || pressed === 'q') close();
  }

  function handleCopy(menu: Of<'copy'>, pressed: string): void {
    const {length} = copyEntries(context.state);
    const by = {up: -1, k: -1, 'shift-tab': -1, down: 1, j: 1, tab: 1}[pressed];
    const digit = /^[1-9]$/.test(pressed) ? Number(pressed) - 1 : length;
    if (by !== undefined) show({...menu, chosen: stepped(menu.chosen, by, length)});
    else if (pressed === 'enter') owner.answer(copy.id);
    else if (digit < length) {
      show({...menu, chosen: digit});
      owner.answer(copy.id);
    } else if (pressed === 'esc' || pressed === 'y' || pressed === 'q') close();
  }

  function handleMenu(menu: Of<'menu'>, pressed: string): void {
    const entries = owner.menuEntries();
    const by = {up: -1, k: -1, down: 1, j: 1, pageup: -10, pagedown: 10}[pressed];
    const chosen = entries[menu.chosen];
    // The letters of the entries are their keys, those that move are not.
    if (by !== undefined) show({...menu, chosen: stepped(menu.chosen, by, entries.length)});
    else if (pressed === 'enter' && chosen !== undefined) owner.take(chosen);
    else if (pressed === 'esc' || pressed === 'm' || pressed === 'q') close();
    else {
      const entry = entries.find(({keys}) => keys.split(' ').includes(pressed));
      if (entry !== undefined) owner.take(entry);
    }
  }
}

function stepped(chosen: number, by: number, count: number): number {
  return Math.min(count - 1, Math.max(0, chosen + by));
}
