import {expect, test} from 'vitest';
import shipped from '../../../configs/keymap.json' with {type: 'json'};
import * as registry from '../../../src/tui/actions/registry.js';
import {type HelpLine, helpLines, hintsFor, keyTable, wrappedHelp} from '../../../src/tui/keys/hints.js';
import {actionsIn, buildKeymap, keyLabel, parseKeyOverrides, rebind} from '../../../src/tui/keys/keymap.js';
import {initialState, TABS} from '../../../src/tui/state/model.js';
import {textWidth} from '../../../src/tui/terminal/char-width.js';
import {fakeMachine} from '../../support/fake-fleet.js';

const ACTIONS = Object.values(registry);

test('no key is bound twice in a tab and no id is used twice', () => {
  for (const tab of TABS) expect(() => buildKeymap(actionsIn(tab, ACTIONS)), tab).not.toThrow();
  expect(new Set(ACTIONS.map(({id}) => id)).size).toBe(ACTIONS.length);
});

test('the keys people are told of exist', () => {
  const keys = buildKeymap(actionsIn('console', ACTIONS));
  for (const key of ['up', 'down', 'j', 'k', 'enter', 's', 'p', 'S', 'K', 'c', 'n', 'd', '?', 'q', '/'])
    expect(keys.has(key), key).toBe(true);
});

test('the shipped keymap lists every action with its default keys', () => {
  const defaults = Object.fromEntries(ACTIONS.map((action) => [action.id, action.keys]));
  expect(shipped).toEqual(defaults);
});

test('keys can be rebound by action id', () => {
  const overrides = parseKeyOverrides({'machine.pause': ['P']}, ACTIONS);
  const keys = buildKeymap(actionsIn('console', rebind(ACTIONS, overrides)));
  expect(keys.get('P')?.id).toBe('machine.pause');
  expect(keys.has('p')).toBe(false);
});

test('a keymap with mistakes is refused with what is wrong', () => {
  expect(() => parseKeyOverrides({'machine.fly': ['x']}, ACTIONS)).toThrow('machine.fly');
  expect(() => parseKeyOverrides({'machine.pause': 'x'}, ACTIONS)).toThrow('machine.pause');
  expect(() => buildKeymap(actionsIn('console', rebind(ACTIONS, {'machine.pause': ['q']})))).toThrow(
    /q is bound to both/,
  );
});

test('a tab has keys of its own, and the others are as everywhere', () => {
  const inTimeline = buildKeymap(actionsIn('timeline', ACTIONS));
  expect(['enter', 'f', 'd', 'left'].map((key) => inTimeline.get(key)?.id)).toEqual([
    ...['point.restore', 'point.fork', 'point.remove', 'point.previous'],
  ]);
  expect(inTimeline.get('p')?.id).toBe('machine.pause');
  const inConsole = buildKeymap(actionsIn('console', ACTIONS));
  expect(['enter', 'f', 'd', 'left'].map((key) => inConsole.get(key)?.id)).toEqual([
    ...['machine.open', 'machine.fork', 'machine.remove', undefined],
  ]);
  // A key that was taken away is bound once, also where it is rebound.
  const rebound = rebind(ACTIONS, {'point.pin': ['p']});
  expect(buildKeymap(actionsIn('timeline', rebound)).get('p')?.id).toBe('point.pin');
});

test('hints fit and name only what can be done now', () => {
  const state = {...initialState({columns: 80, rows: 24}, 0), machines: [fakeMachine('a', 'running')]};
  const hints = hintsFor({...state, connection: {state: 'connected'}}, ACTIONS, 80);
  expect(textWidth(hints.map(({key, label}) => ` ${key} ${label} `).join(''))).toBeLessThanOrEqual(80);
  expect(hints.map(({key}) => key)).toContain('p');
  expect(hints.map(({key}) => key)).not.toContain('d');
});

test('a narrow bar still says where help is', () => {
  const state = {...initialState({columns: 60, rows: 20}, 0), machines: [fakeMachine('a', 'running')]};
  for (const width of [20, 40, 60, 80, 120]) {
    const hints = hintsFor({...state, connection: {state: 'connected'}}, ACTIONS, width);
    expect(textWidth(hints.map(({key, label}) => ` ${key} ${label} `).join(''))).toBeLessThanOrEqual(width);
    expect(hints.map(({key}) => key)).toContain('?');
  }
});

test('every action stands on the help page and in the key table', () => {
  const lines = helpLines(ACTIONS).filter((line) => line.kind === 'action');
  expect(lines).toHaveLength(ACTIONS.length);
  expect(keyTable(ACTIONS)).toContain('| `p` | Pause the machine; again resumes it. | `viv pause NAME` |');
});

test('a help page that is narrow says all that a wide one does', () => {
  const narrow = wrappedHelp(helpLines(ACTIONS), 30);
  const sentences = narrow.map((line) => (line.kind === 'action' ? line.help : ''));
  expect(Math.max(...sentences.map((sentence) => sentence.length))).toBeLessThanOrEqual(30);
  const words = (lines: readonly HelpLine[]) =>
    lines.map((line) => (line.kind === 'action' ? `${line.keys} ${line.help}` : line.text).trim()).join(' ');
  expect(words(narrow)).toBe(words(helpLines(ACTIONS)));
});

test('keys are written as people write them', () => {
  expect(['up', 'ctrl-c', 'shift-tab', 'f1', 'G', 'pageup', 'shift-pageup'].map(keyLabel)).toEqual([
    '↑',
    'Ctrl-c',
    'Shift-Tab',
    'F1',
    'G',
    'PgUp',
    'Shift-PgUp',
  ]);
});
