/** Every key of every action, pressed in a real terminal: what it does, and what it says where it cannot act. */
import {expect, test} from 'vitest';
import * as registry from '../../src/tui/actions/registry.js';
import type {Action} from '../../src/tui/keys/action.js';
import {initialState} from '../../src/tui/state/model.js';
import {refused, type Step, walk} from '../support/journey.js';
import {keyBytes} from '../support/key-bytes.js';
import {tuiOfFile} from '../support/start-tui.js';
import {listJourneys} from './journeys/list.js';
import {machineJourneys} from './journeys/machines.js';
import {paneJourneys} from './journeys/panes.js';
import {programJourneys} from './journeys/program.js';

const tui = tuiOfFile();

const ACTIONS: readonly Action[] = Object.values(registry);
const JOURNEYS = {...listJourneys, ...machineJourneys, ...paneJourneys, ...programJourneys};

const SIZE = {columns: 120, rows: 35};
const noFleet = {...initialState(SIZE, 0), connection: {state: 'connected'}} as const;
/** What an action says where there is no machine; that of a tab, when the tab is shown. */
const refusalOf = (action: Action) =>
  action.isEnabled(action.tab === undefined || action.tab === 'fleet' ? noFleet : {...noFleet, tab: action.tab});
/** Actions that the screen of an empty fleet refuses, each with the reason that it gives. */
const withoutFleet = ACTIONS.filter((action) => action.tab === undefined && refusalOf(action) !== true);
const emptyFleet = withoutFleet.flatMap((action) =>
  action.keys.flatMap((name) => refused(action.id, name, atTheBottom(String(refusalOf(action))))),
);

/** The screen of an empty fleet says itself that there is no machine. */
function atTheBottom(text: string): RegExp {
  return new RegExp(`${text.replaceAll(/[.?()]/g, '\\$&')}\\s*$`);
}

/** Ends the program: no step can come after it. */
const leaving = registry.quit;

test.each(Object.entries(JOURNEYS))('%s', async (_name, {fleet, size, env, begins, steps}) => {
  await using terminal = tui.open(fleet, size, env);
  await terminal.see(begins);
  await walk(terminal, steps.flat());
});

test('without a machine every key that needs one says so', async () => {
  await using terminal = tui.open('');
  await terminal.see('▸ Boot debian-mini');
  await walk(terminal, emptyFleet);
});

test.each(leaving.keys)('%s leaves, and says that the machines go on', async (name) => {
  await using terminal = tui.open('alpha:running');
  await terminal.see('alpha  ● running');
  terminal.press(keyBytes(name));
  expect(await terminal.exited).toBe(0);
  expect(terminal.text).toContain('1 machine keeps running');
});

const steps: readonly Step[] = Object.values(JOURNEYS).flatMap((journey) => journey.steps.flat());

test('every key of every action is pressed above where it acts', () => {
  const pressed = new Set(steps.filter(({action}) => action?.isRefused === false).map(named));
  const bound = ACTIONS.filter((action) => action !== leaving).flatMap(({id, keys}) =>
    keys.map((key) => `${id} ${key}`),
  );
  expect(bound.filter((one) => !pressed.has(one))).toEqual([]);
  expect([...pressed].filter((one) => !bound.includes(one))).toEqual([]);
});

test('every action that can refuse is pressed above where it does', () => {
  const told = new Set([...steps, ...emptyFleet].filter(({action}) => action?.isRefused).map(({action}) => action?.id));
  const refusing = ACTIONS.filter((action) => refusalOf(action) !== true).map(({id}) => id);
  expect(refusing.filter((id) => !told.has(id))).toEqual([]);
  // Most can: were the reasons lost, this would not pass with an empty list.
  expect(refusing.length).toBeGreaterThan(40);
});

function named({action}: Step): string {
  return `${action?.id} ${action?.key}`;
}
