import {describe, expect, it} from 'vitest';
import {hasProcess, type LifeEvent, lifecycle, nextState} from '../../../src/manager/machine/lifecycle.js';
import {permissions} from '../../../src/manager/machine/verbs.js';
import {
  type MachineState,
  type MachineVerb,
  machineStateSchema,
  machineVerbSchema,
} from '../../../src/manager/protocol/machine.js';

const states = machineStateSchema.options;
const events: readonly LifeEvent[] = [
  'start',
  'start-failed',
  'started',
  'paused',
  'halted',
  'resumed',
  'ask-shutdown',
  'shutdown-ignored',
  'off',
  'crashed',
  'save',
  'goes-on',
  'stands-still',
  'written',
  'restore-failed',
  'discarded',
];

/** Every pair that leads somewhere, written out by hand from the drawing. */
const drawn: readonly (readonly [MachineState, LifeEvent, MachineState])[] = [
  ['defined', 'start', 'starting'],
  ['crashed', 'start', 'starting'],
  ['crashed', 'written', 'saved'],
  ['starting', 'started', 'running'],
  ['starting', 'start-failed', 'defined'],
  ['starting', 'off', 'defined'],
  ['starting', 'crashed', 'crashed'],
  ['running', 'paused', 'paused'],
  ['running', 'ask-shutdown', 'stopping'],
  ['running', 'off', 'defined'],
  ['running', 'crashed', 'crashed'],
  ['paused', 'resumed', 'running'],
  ['paused', 'off', 'defined'],
  ['paused', 'crashed', 'crashed'],
  ['running', 'halted', 'paused'],
  ['stopping', 'halted', 'paused'],
  ['stopping', 'shutdown-ignored', 'running'],
  ['stopping', 'off', 'defined'],
  ['stopping', 'crashed', 'crashed'],
  ['running', 'save', 'saving'],
  ['paused', 'save', 'saving'],
  ['saving', 'goes-on', 'running'],
  ['saving', 'stands-still', 'paused'],
  ['saving', 'written', 'saved'],
  ['saving', 'off', 'defined'],
  ['saving', 'crashed', 'crashed'],
  ['saved', 'start', 'starting'],
  ['saved', 'discarded', 'defined'],
  ['starting', 'restore-failed', 'saved'],
];

/** What each verb makes happen first. */
const firstEvent: Readonly<Partial<Record<MachineVerb, LifeEvent>>> = {
  start: 'start',
  pause: 'paused',
  resume: 'resumed',
  shutdown: 'ask-shutdown',
  kill: 'off',
  save: 'save',
};

describe('the life cycle', () => {
  it('has the transitions of its drawing and no others', () => {
    for (const state of states)
      for (const event of events) {
        const expected = drawn.find(([from, on]) => from === state && on === event)?.[2];
        expect([state, event, nextState(state, event)]).toEqual([state, event, expected]);
      }
    expect(Object.values(lifecycle).flatMap((row) => Object.keys(row))).toHaveLength(drawn.length);
  });

  it('lets no state with a process end without the end being told', () => {
    for (const state of states)
      expect([state, hasProcess(state)]).toEqual([state, nextState(state, 'crashed') !== undefined]);
  });

  it('allows a verb exactly where its event can happen, and gives a reason everywhere else', () => {
    for (const state of states) {
      const row = permissions(state, {refusals: {}});
      for (const verb of machineVerbSchema.options) {
        const event = firstEvent[verb];
        if (event !== undefined)
          expect([state, verb, row[verb].isAllowed]).toEqual([state, verb, nextState(state, event) !== undefined]);
        if (!row[verb].isAllowed) expect(row[verb].reason).toMatch(/^[A-Z].+\.$/);
      }
    }
  });

  it("shows the driver's reason for what the driver cannot do", () => {
    const refusal = {isAllowed: false as const, reason: 'This hypervisor cannot pause.'};
    expect(permissions('running', {refusals: {pause: refusal}}).pause).toEqual(refusal);
  });
});
