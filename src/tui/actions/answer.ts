import {networkAnswer} from '../../manager/protocol/network.js';
import type {Action} from '../keys/action.js';
import {ANSWERS, shownQuestion} from '../state/questions.js';
import {selectedMachine} from '../state/selectors.js';
import {text} from '../text/text.js';

/** Shows what the guest waits for; run again while that is shown, it gives the answer that is highlighted. */
export const answer: Action = {
  id: 'machine.answer',
  keys: ['A'],
  group: 'Network',
  hint: {label: text.actions.answer.hint, rank: -10},
  help: text.actions.answer.help,
  command: 'viv net allow NAME DESTINATION',
  isEnabled: (state) => {
    const machine = selectedMachine(state);
    if (machine === undefined) return text.actions.answer.refusals.none;
    return (machine.questions ?? []).length > 0 ? true : text.actions.answer.refusals.notAsked(machine.name);
  },
  run: async ({state, dispatch, request, toast}) => {
    const {overlay} = state;
    if (overlay?.kind !== 'question') {
      const [question] = selectedMachine(state)?.questions ?? [];
      if (question !== undefined) dispatch({type: 'questionOpened', questionId: question.id});
      return;
    }
    const shown = shownQuestion(state);
    const {verdict, isAlways} = ANSWERS[overlay.chosen] ?? ANSWERS[0];
    // First: the next question may be shown while this one is answered.
    dispatch({type: 'questionLeft'});
    if (shown === undefined) return;
    const {machine, question} = shown;
    await request(networkAnswer, {machine: machine.id, questionId: question.id, verdict, isAlways});
    if (isAlways) toast(text.actions.answer.ruleMade(machine.name));
  },
};
