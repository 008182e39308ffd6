import {homedir} from 'node:os';
import {join, resolve} from 'node:path';
import type {Action, ActionContext} from '../keys/action.js';
import {fieldValue, textField} from '../state/form.js';
import {selectedMachine, verbPermission} from '../state/selectors.js';
import {text} from '../text/text.js';

const PATH = 'path';

/** What its form says. */
interface FileWords {
  title(name: string): string;
  readonly submit: string;
}

/** The file that a form offers: in the folder where viv was started, else at home, which is written short. */
function offeredFile(name: string, ending: string): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  const home = homedir();
  const folder = process.cwd() === '/' ? home : process.cwd();
  const within = folder === home || folder.startsWith(`${home}/`);
  return join(within ? `~${folder.slice(home.length)}` : folder, `${name}-${time}.${ending}`);
}

/** A form with one field for a file; run again while it is shown, it does its work with that. */
async function withFile(
  context: ActionContext,
  form: {readonly token: string; readonly words: FileWords; readonly ending: string},
  work: (path: string, machineId: string) => Promise<void>,
): Promise<void> {
  const {state, dispatch} = context;
  const {token, words, ending} = form;
  const machine = selectedMachine(state);
  if (!machine) return;
  if (state.overlay?.kind !== 'form' || state.overlay.form.token !== token) {
    const fields = [textField(PATH, text.actions.consoleFile.label, '', offeredFile(machine.name, ending))];
    const shown = {token, subject: machine.id, title: words.title(machine.name), fields, focused: 0};
    dispatch({
      type: 'overlayShown',
      overlay: {kind: 'form', form: {...shown, submitLabel: words.submit, isBusy: false}},
    });
    return;
  }
  const filled = state.overlay.form;
  const path = fieldValue(filled, PATH)
    .trim()
    .replace(/^~(?=\/)/, homedir());
  dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...filled, isBusy: true}}});
  try {
    await work(resolve(path), filled.subject ?? '');
    dispatch({type: 'overlayClosed'});
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    dispatch({type: 'overlayShown', overlay: {kind: 'form', form: {...filled, isBusy: false, error}}});
  }
}

/** Begins to record the console of the highlighted machine, or ends it. */
export const consoleRecord: Action = {
  id: 'console.record',
  keys: ['R'],
  group: 'Console',
  help: text.actions.consoleRecord.help,
  command: 'viv console record NAME -o FILE.cast',
  isEnabled: (state) => verbPermission(state, 'console'),
  run: async (context) => {
    const {state, console, toast} = context;
    const machine = selectedMachine(state);
    if (machine && state.overlay === undefined && state.console.recordings.has(machine.id))
      return await console.stopRecording(machine.id);
    const form = {token: 'console.record', words: text.actions.consoleRecord, ending: 'cast'};
    await withFile(context, form, async (path, machineId) => {
      const recorded = state.machines.find(({id}) => id === machineId);
      if (!recorded) return;
      await console.record(recorded, path);
      toast(text.actions.consoleRecord.begun(recorded.name, path));
    });
  },
};

/** Writes what the console shows into a file. */
export const consoleScreenshot: Action = {
  id: 'console.screenshot',
  keys: ['X'],
  group: 'Console',
  help: text.actions.consoleScreenshot.help,
  command: 'viv console screenshot NAME -o FILE.png',
  isEnabled: (state) => verbPermission(state, 'console'),
  run: async (context) => {
    const {state, console, toast} = context;
    const form = {token: 'console.screenshot', words: text.actions.consoleScreenshot, ending: 'png'};
    await withFile(context, form, async (path, machineId) => {
      const shown = state.machines.find(({id}) => id === machineId);
      if (!shown) return;
      await console.screenshot(shown, path);
      toast(text.actions.consoleScreenshot.done(shown.name, path));
    });
  },
};
