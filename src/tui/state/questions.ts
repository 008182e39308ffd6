/** What guests wait for somebody to say: which question is shown, and when. */
import type {EgressQuestion, EgressVerdict} from '../../manager/protocol/egress.js';
import type {Machine} from '../../manager/protocol/machine.js';
import {text} from '../text/text.js';
import type {AppState} from './model.js';

/** A question and whose it is. */
export interface MachineQuestion {
  readonly machine: Machine;
  readonly question: EgressQuestion;
}

/** One of the answers. */
export interface EgressAnswer {
  readonly label: string;
  readonly verdict: EgressVerdict;
  readonly isAlways: boolean;
}

/** All answers there are; the first is the one that Enter gives. */
export const ANSWERS: readonly [EgressAnswer, ...EgressAnswer[]] = [
  {label: text.network.question.answers.deny, verdict: 'deny', isAlways: false},
  {label: text.network.question.answers.denyAlways, verdict: 'deny', isAlways: true},
  {label: text.network.question.answers.allow, verdict: 'allow', isAlways: false},
  {label: text.network.question.answers.allowAlways, verdict: 'allow', isAlways: true},
];

/** Everything that waits, by machine. */
export function waitingQuestions(state: AppState): readonly MachineQuestion[] {
  return state.machines.flatMap((machine) => (machine.questions ?? []).map((question) => ({machine, question})));
}

/** What waits and was not put off. */
export function newQuestions(state: AppState): readonly MachineQuestion[] {
  return waitingQuestions(state).filter(({question}) => !state.laterIds.has(question.id));
}

/** The question in the dialog, if one is shown. */
export function shownQuestion(state: AppState): MachineQuestion | undefined {
  const {overlay} = state;
  if (overlay?.kind !== 'question') return undefined;
  return waitingQuestions(state).find(({question}) => question.id === overlay.questionId);
}

/**
 * The state with the dialog that belongs to it: a new question is shown as soon as nothing else has the keyboard, and goes
 * when it does not wait any more. Enter gives the answer that changes least, since the dialog comes while somebody types.
 */
export function followQuestions(state: AppState): AppState {
  const waiting = new Set(waitingQuestions(state).map(({question}) => question.id));
  const laterIds = [...state.laterIds].every((id) => waiting.has(id))
    ? state.laterIds
    : new Set([...state.laterIds].filter((id) => waiting.has(id)));
  const isGone = state.overlay?.kind === 'question' && !waiting.has(state.overlay.questionId);
  const followed = isGone || laterIds !== state.laterIds ? {...state, laterIds} : state;
  const overlay = isGone ? undefined : state.overlay;
  const isFree = overlay === undefined && state.focus === 'list' && !state.isFilterOpen;
  const [next] = isFree ? newQuestions(followed) : [];
  if (next !== undefined) return openQuestion(followed, next.question.id);
  return isGone ? {...followed, overlay} : followed;
}

/** The state with the dialog for a question. */
export function openQuestion(state: AppState, questionId: string): AppState {
  return {...state, overlay: {kind: 'question', questionId, chosen: 0}};
}

/** The state with another answer highlighted. */
export function moveAnswer(state: AppState, by: number): AppState {
  if (state.overlay?.kind !== 'question') return state;
  const chosen = (state.overlay.chosen + by + ANSWERS.length) % ANSWERS.length;
  return {...state, overlay: {...state.overlay, chosen}};
}

/** The state without the dialog, and without it coming back by itself for this question. */
export function leaveQuestion(state: AppState): AppState {
  if (state.overlay?.kind !== 'question') return state;
  return {...state, overlay: undefined, laterIds: new Set([...state.laterIds, state.overlay.questionId])};
}
