/** Actions on machines: on the marked ones, else on those of the highlighted row, by their ids. */
import type {Machine, MachineVerb} from '../../manager/protocol/machine.js';
import {targetMachines} from '../state/list.js';
import {type AppState, type Confirmation, unanswered} from '../state/model.js';
import {noMachine} from '../state/selectors.js';
import {text} from '../text/text.js';
import type {Action, ActionContext} from './action.js';

/** More machines than this are acted upon only after a phrase with their number was typed. */
export const MANY_MACHINES = 20;
/** How many are acted upon at a time. */
const AT_ONCE = 4;
/** Longest list of names in a question or a message. */
const NAMES_SHOWN = 3;

/** What is said where an action is for so many machines. */
export interface ManyWords {
  /** What has to be typed before, as `pause 25`. */
  phrase(count: number): string;
  begun(count: number): string;
  done(count: number): string;
}

/** How an action on machines differs from any other. */
export interface MachineActionRecord extends Omit<Action, 'isEnabled' | 'run' | 'group'> {
  /** The verb it needs, which says whether it can act. */
  verb(machine: Machine): MachineVerb;
  readonly many: ManyWords;
  /** The question before what loses running state: it is answered with yes or no, and No is highlighted. */
  ask?(machines: readonly Machine[]): Pick<Confirmation, 'title' | 'question' | 'yesLabel'>;
  /** Acts on one. Answers with the message for when it is the only one, if there is something to say. */
  act(machine: Machine, context: ActionContext): Promise<string | undefined>;
}

/** Makes the action of a record. */
export function machineAction({verb, many, ask, act, ...record}: MachineActionRecord): Action {
  const isAllowed = (machine: Machine) => machine.verbs[verb(machine)].isAllowed;
  return {
    ...record,
    group: 'Machines',
    isEnabled: (state) => permissionOf(state, verb),
    run: async (context) => {
      const {state, dispatch} = context;
      const {overlay} = state;
      if (overlay?.kind === 'confirm' && overlay.confirmation.token === record.id) {
        // Those that were asked about, as they are now.
        const {machineIds} = overlay.confirmation;
        await actOnAll(state.machines.filter(({id}) => machineIds.includes(id)));
        return;
      }
      const machines = targetMachines(state);
      const able = machines.filter(isAllowed);
      const question = questionFor(able);
      if (question === undefined) await actOnAll(machines);
      else dispatch({type: 'overlayShown', overlay: unanswered(question)});

      async function actOnAll(all: readonly Machine[]): Promise<void> {
        const [only] = all;
        if (all.length === 1 && only !== undefined) {
          const message = await act(only, context);
          if (message !== undefined) context.toast(message);
          return;
        }
        const allowed = all.filter(isAllowed);
        await actOnMany(allowed, all.length - allowed.length, context);
      }
    },
  };

  function questionFor(machines: readonly Machine[]): Omit<Confirmation, 'isYes' | 'typed'> | undefined {
    const about = {token: record.id, machineIds: machines.map(({id}) => id)};
    const asked = ask?.(machines);
    if (machines.length > MANY_MACHINES) {
      const phrase = many.phrase(machines.length);
      const question = asked?.question ?? text.manyMachines.question(nameMachines(machines));
      const {title, yes} = text.manyMachines;
      return {...about, title: asked?.title ?? title, question, yesLabel: asked?.yesLabel ?? yes, phrase};
    }
    return asked && {...about, ...asked};
  }

  async function actOnMany(machines: readonly Machine[], refusedCount: number, context: ActionContext): Promise<void> {
    const failures: string[] = [];
    const left = [...machines];
    const worker = async () => {
      for (let machine = left.shift(); machine !== undefined; machine = left.shift()) {
        try {
          await act(machine, context);
        } catch (error) {
          failures.push(error instanceof Error ? error.message : String(error));
        }
      }
    };
    context.toast(many.begun(machines.length));
    await Promise.all(Array.from({length: AT_ONCE}, worker));
    const parts = [many.done(machines.length - failures.length)];
    if (refusedCount > 0) parts.push(text.manyMachines.refused(refusedCount));
    if (failures[0] !== undefined) parts.push(text.manyMachines.failed(failures.length, failures[0]));
    context.toast(parts.join(' '), failures.length > 0 ? 'error' : 'info');
  }
}

// One machine that can is enough; else the reason of the first that cannot.
function permissionOf(state: AppState, verb: MachineActionRecord['verb']): true | string {
  const machines = targetMachines(state);
  const [first] = machines;
  if (first === undefined) return noMachine(state);
  if (machines.some((machine) => machine.verbs[verb(machine)].isAllowed)) return true;
  const permission = first.verbs[verb(first)];
  if (permission.isAllowed) return true;
  return machines.length === 1 ? permission.reason : text.manyMachines.noneCan(machines.length, permission.reason);
}

/** Machines by their names, or how many there are of them. */
export function nameMachines(machines: readonly Machine[]): string {
  const names = machines.slice(0, NAMES_SHOWN).map(({name}) => name);
  return text.manyMachines.names(names, machines.length - names.length);
}
