import {PassThrough} from 'node:stream';
import {describe, expect, it} from 'vitest';
import type {RunningMachine, StreamRefusal} from '../../../src/manager/hypervisor/contract.js';
import {Fleet, type FleetMachine} from '../../../src/manager/services/fleet.js';
import {GuestStreams, STREAMS_MAX} from '../../../src/manager/services/guest-streams.js';

/** A fleet of one machine that runs, and answers whoever connects with this. */
function fleetWith(connect: RunningMachine['connect']): Fleet {
  const fleet = new Fleet();
  const run: Pick<RunningMachine, 'connect'> = {connect};
  fleet.find = () => ({name: 'one', state: 'running', run}) as unknown as FleetMachine;
  return fleet;
}

const never = new AbortController().signal;

describe('connections into guests', () => {
  it.each<[StreamRefusal, string]>([
    ['refused', 'Nothing listens at port 80 of one.'],
    ['silent', 'one does not answer at port 80.'],
    ['too-many', 'one has too many connections.'],
    ['no-network', 'one has no network.'],
    ['too-old', 'one was started by a version of Vivarium that opens no connections into guests.'],
  ])('say in one sentence why there is none: %s', async (refusal, message) => {
    const streams = new GuestStreams(fleetWith(async () => refusal));
    await expect(streams.open('one', 80, never)).rejects.toMatchObject({message});
  });

  it('give up a guest that does not answer', async () => {
    let wasGivenUp = false;
    const streams = new GuestStreams(
      fleetWith(
        (_port, signal) =>
          new Promise((_, reject) =>
            signal.addEventListener('abort', () => {
              wasGivenUp = true;
              reject(signal.reason);
            }),
          ),
      ),
      1,
    );
    await expect(streams.open('one', 80, never)).rejects.toThrow('one does not answer at port 80.');
    expect(wasGivenUp).toBe(true);
  });

  it('are as many as the bound says, failed ones not counted', async () => {
    let refusal: StreamRefusal | undefined = 'refused';
    const streams = new GuestStreams(fleetWith(async () => refusal ?? new PassThrough()));
    await expect(streams.open('one', 80, never)).rejects.toMatchObject({code: 'connection-refused'});
    refusal = undefined;
    const open = await Promise.all(Array.from({length: STREAMS_MAX}, () => streams.open('one', 80, never)));
    await expect(streams.open('one', 80, never)).rejects.toThrow(`There are ${STREAMS_MAX} connections`);
    const closed = new Promise((resolve) => open[0]!.once('close', resolve));
    open[0]!.destroy();
    await closed;
    await streams.open('one', 80, never);
  });
});
