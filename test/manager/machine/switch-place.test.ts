import {describe, expect, it} from 'vitest';
import {placeOnSwitch} from '../../../src/manager/machine/switch-place.js';
import {SWITCH_NUMBERS} from '../../../src/manager/protocol/machine.js';
import {PORTS_MAX} from '../../../src/paravirt/net/switch.js';

const all = (name: string) =>
  Array.from({length: SWITCH_NUMBERS.last - SWITCH_NUMBERS.first + 1}, (_, i) => ({
    name,
    number: SWITCH_NUMBERS.first + i,
  }));

describe('places on a switch', () => {
  it('are the first that are free, on each switch by itself', () => {
    expect(placeOnSwitch('lab', [])).toEqual({name: 'lab', number: 15});
    const taken = [15, 17].map((number) => ({name: 'lab', number}));
    expect(placeOnSwitch('lab', taken)).toEqual({name: 'lab', number: 16});
    expect(placeOnSwitch('other', taken)).toEqual({name: 'other', number: 15});
  });

  it('are as many as a switch has ports, and one more is refused', () => {
    expect(all('lab')).toHaveLength(PORTS_MAX);
    expect(placeOnSwitch('lab', all('lab').slice(0, -1)).number).toBe(SWITCH_NUMBERS.last);
    expect(() => placeOnSwitch('lab', all('lab'))).toThrow(expect.objectContaining({code: 'bad-request'}));
  });
});
