import {describe, expect, test} from 'vitest';
import type {AppEvent} from '../../../src/tui/state/events.js';
import {type AppState, initialState} from '../../../src/tui/state/model.js';
import {keepEnd, questionLines, questionText} from '../../../src/tui/state/presenters/question.js';
import {shownQuestion} from '../../../src/tui/state/questions.js';
import {reduce} from '../../../src/tui/state/reducer.js';
import {fakeMachine} from '../../support/fake-fleet.js';

const question = (id: string, name = `${id}.org`) => ({
  ...{id, name, protocol: 'tcp' as const, address: '192.0.2.7', port: 443, askedAtMs: 0},
});
const machine = (name: string, ...ids: string[]) =>
  fakeMachine(name, 'running', {questions: ids.map((id) => question(id))});
const follow = (state: AppState, ...events: AppEvent[]): AppState => events.reduce(reduce, state);
const loaded = (...machines: ReturnType<typeof machine>[]): AppState =>
  follow(initialState({columns: 120, rows: 35}, 0), {type: 'fleetLoaded', fleetSeq: 1, jobs: [], machines});
const shown = (state: AppState): string | undefined => shownQuestion(state)?.question.id;

describe('questions of guests', () => {
  test('are shown one after the other, and not again when they were put off', () => {
    const first = loaded(machine('a', 'q1', 'q2'), machine('b', 'q3'));
    const second = follow(first, {type: 'questionLeft'});
    const third = follow(second, {type: 'questionLeft'});
    const none = follow(third, {type: 'questionLeft'});
    expect([first, second, third, none].map(shown)).toEqual(['q1', 'q2', 'q3', undefined]);
    expect(shown(follow(none, {type: 'ticked', nowMs: 1}))).toBeUndefined();
    expect(shown(follow(none, {type: 'questionOpened', questionId: 'q2'}))).toBe('q2');
  });

  test('wait for whatever has the keyboard', () => {
    const quiet = loaded(machine('a'));
    const asks: AppEvent = {type: 'machineChanged', seq: 2, machine: machine('a', 'q1')};
    const console = follow(quiet, {type: 'focusMoved', focus: 'console'}, asks);
    expect([shown(console), shown(follow(console, {type: 'focusMoved', focus: 'list'}))]).toEqual([undefined, 'q1']);
    const filter = follow(quiet, {type: 'filterOpened'}, asks);
    expect([shown(filter), shown(follow(filter, {type: 'filterClosed', isKept: false}))]).toEqual([undefined, 'q1']);
    const help = follow(quiet, {type: 'overlayShown', overlay: {kind: 'help', scroll: 0}}, asks);
    expect([shown(help), shown(follow(help, {type: 'overlayClosed'}))]).toEqual([undefined, 'q1']);
  });

  test('go when they do not wait any more, whoever answered, and with their machine', () => {
    const state = loaded(machine('a', 'q1'), machine('b', 'q2'));
    const answered = follow(state, {type: 'machineChanged', seq: 2, machine: machine('a')});
    expect(shown(answered)).toBe('q2');
    const gone = follow(answered, {type: 'machineRemoved', seq: 3, id: 'id-b'});
    expect([gone.overlay, gone.laterIds.size]).toEqual([undefined, 0]);
  });

  test('highlight Deny, whatever was highlighted for the one before', () => {
    const state = loaded(machine('a', 'q1', 'q2'));
    expect(state.overlay).toMatchObject({chosen: 0});
    expect(follow(state, {type: 'answerMoved', by: -1}).overlay).toMatchObject({chosen: 3});
    expect(follow(state, {type: 'answerMoved', by: -1}, {type: 'questionLeft'}).overlay).toMatchObject({chosen: 0});
  });

  test('are told in full, without control characters', () => {
    const long = `${'www.bank.com.'.repeat(15)}evil.org`;
    const state = loaded(fakeMachine('a', 'running', {questions: [question('q1', long)]}));
    const lines = questionLines(state, shownQuestion(state)!, 40);
    expect(lines.every((line) => line.length <= 40)).toBe(true);
    expect(lines.join('').replaceAll(' ', '')).toContain(`${long}:443`);
    expect(questionText(question('q1', 'a\x1b[2Jb\u202ec'))).toBe('a^[[2Jb<202e>c:443 (192.0.2.7) by TCP');
    expect(keepEnd(`${'x'.repeat(50)}evil.org`, 12)).toBe('…xxxevil.org');
  });
});
