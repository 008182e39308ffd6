import {describe, expect, it} from 'vitest';
import type {PortForward} from '../../../src/manager/protocol/machine.js';
import {type AppState, initialState, PACKETS_SHOWN, type PacketLine} from '../../../src/tui/state/model.js';
import {chosenForward} from '../../../src/tui/state/network.js';
import {networkLines} from '../../../src/tui/state/presenters/network.js';
import {reduce} from '../../../src/tui/state/reducer.js';
import {fakeMachine} from '../../support/fake-fleet.js';

const packet = (at: number): PacketLine => ({atMs: at, isReceived: false, text: `packet ${at}`});
const packets = (first: number, count: number) => Array.from({length: count}, (_, i) => packet(first + i));

function stateWith(forwards: readonly PortForward[] = []): AppState {
  const machine = fakeMachine('web-1', 'running');
  const network = {kind: 'user', egress: 'allow', allowsHostLoopback: false, forwards: [...forwards]} as const;
  const state = initialState({columns: 120, rows: 35}, 0);
  const config = {...machine.config!, network: {...network, forwards: [...forwards]}};
  const machines = [{...machine, config}];
  const loaded = reduce(state, {type: 'fleetLoaded', fleetSeq: 1, machines, jobs: []});
  return reduce(loaded, {type: 'networkFollowed', machineId: machine.id});
}
const forward = (hostPort: number): PortForward => ({address: '127.0.0.1', hostPort, guestPort: 80});

describe('the network of a machine', () => {
  it('keeps the newest packets only', () => {
    let state = stateWith();
    for (const first of [0, PACKETS_SHOWN - 1])
      state = reduce(state, {
        type: 'packetsSeen',
        machineId: 'id-web-1',
        packets: packets(first, PACKETS_SHOWN - 1),
        missedCount: 2,
      });
    expect(state.network?.packets).toHaveLength(PACKETS_SHOWN);
    expect(state.network?.packets.at(-1)).toEqual(packet(2 * PACKETS_SHOWN - 3));
    expect(state.network?.missedCount).toBe(4);
  });

  it('is that of the machine that is looked at: news of another change nothing', () => {
    const state = stateWith();
    expect(reduce(state, {type: 'packetsSeen', machineId: 'other', packets: packets(0, 1), missedCount: 0})).toBe(
      state,
    );
    const other = reduce(state, {type: 'networkFollowed', machineId: 'other'});
    expect(other.network).toMatchObject({machineId: 'other', packets: []});
  });

  it('keeps what was seen when the same machine is looked at again', () => {
    const seen = reduce(stateWith(), {
      type: 'packetsSeen',
      machineId: 'id-web-1',
      packets: packets(0, 3),
      missedCount: 0,
    });
    const failed = reduce(seen, {type: 'networkFailed', machineId: 'id-web-1', problem: 'It is gone.'});
    const again = reduce(failed, {type: 'networkFollowed', machineId: 'id-web-1'});
    expect(again.network).toMatchObject({packets: packets(0, 3), problem: undefined});
  });

  it('has a chosen port forward, whichever go', () => {
    let state = stateWith([1, 2, 3].map(forward));
    for (const by of [1, 1, 1]) state = reduce(state, {type: 'forwardMoved', by});
    expect(chosenForward(state)).toEqual(forward(3));
    const fewer = {...stateWith([1, 2].map(forward)), forwardAt: state.forwardAt};
    expect(chosenForward(fewer)).toEqual(forward(2));
    expect(chosenForward(reduce(fewer, {type: 'forwardMoved', by: -1}))).toEqual(forward(1));
    expect(chosenForward(stateWith())).toBeUndefined();
  });

  it.each([4, 10, 40])('takes no more than %i lines, the newest packet last', (height) => {
    const state = reduce(stateWith([1, 2, 3, 4, 5, 6, 7, 8, 9].map(forward)), {
      ...{type: 'packetsSeen', machineId: 'id-web-1', missedCount: 0},
      packets: packets(0, 100),
    });
    const lines = networkLines(state, 80, height).map((pieces) => pieces.map(({text}) => text).join(''));
    expect(lines.length).toBeLessThanOrEqual(height);
    if (height >= 10) expect(lines.at(-1)).toContain('packet 99');
  });
});
