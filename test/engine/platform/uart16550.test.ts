import {describe, expect, it} from 'vitest';
import {uart16550} from '../../../src/engine/platform/uart16550.js';
import {rigOf} from './device-rig.js';

const [RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7];
const THR = RBR;
const FCR = IIR;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (output: Uint8Array) => new TextDecoder().decode(output);

function rig() {
  const made = rigOf(uart16550, undefined);
  return {
    ...made,
    get isAsserted() {
      return made.isAsserted;
    },
    get rings() {
      return made.rings;
    },
    get waits() {
      return made.waits;
    },
    onWait: (listener: () => void) => {
      made.onWait = listener;
    },
    read: (register: number) => made.device.read(register, 1),
    write: (register: number, value: number) => made.device.write(register, 1, value),
    send: (message: string) => {
      for (const byte of bytes(message)) made.device.write(THR, 1, byte);
    },
  };
}

describe('transmitting', () => {
  it('collects bytes in order and rings once per empty ring', () => {
    const uart = rig();
    uart.send('hello');
    expect(uart.rings).toBe(1);
    expect(text(uart.device.takeOutput())).toBe('hello');
    expect(uart.device.takeOutput()).toHaveLength(0);
    uart.send('x');
    expect(uart.rings).toBe(2);
  });

  it('is always ready for the next byte', () => {
    const uart = rig();
    uart.send('a');
    expect(uart.read(LSR)).toBe(0x60);
  });

  it('keeps every byte when the host drains as soon as the ring is full', () => {
    const uart = rig();
    const taken: Uint8Array[] = [];
    uart.onWait(() => taken.push(uart.device.takeOutput()));
    const message = Array.from({length: 50_000}, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
    uart.send(message);
    taken.push(uart.device.takeOutput());
    expect(taken.map(text).join('')).toBe(message);
    expect(uart.waits).toBe(3);
  });

  it('keeps the order when the ring wraps around between two drains', () => {
    const uart = rig();
    for (const letters of ['abcdefghij', '0123456789']) {
      const message = letters.repeat(1000);
      uart.send(message);
      expect(text(uart.device.takeOutput())).toBe(message);
    }
  });

  it('drops bytes when nobody drains a full ring', () => {
    const uart = rig();
    uart.send('x'.repeat(16384 + 10));
    expect(uart.device.takeOutput()).toHaveLength(16384);
  });

  it('raises the transmitter interrupt when enabled, clears it by reading IIR, raises it again after a byte', () => {
    const uart = rig();
    uart.write(IER, 2);
    expect(uart.isAsserted).toBe(true);
    expect(uart.read(IIR)).toBe(2);
    expect(uart.isAsserted).toBe(false);
    expect(uart.read(IIR)).toBe(1);
    uart.send('a');
    expect(uart.isAsserted).toBe(true);
    uart.write(IER, 0);
    expect(uart.isAsserted).toBe(false);
  });
});

describe('receiving', () => {
  it('shows data ready until the last byte is read', () => {
    const uart = rig();
    expect(uart.device.pushInput(bytes('ab'))).toBe(2);
    expect(uart.read(LSR) & 1).toBe(1);
    expect(uart.read(RBR)).toBe(0x61);
    expect(uart.read(LSR) & 1).toBe(1);
    expect(uart.read(RBR)).toBe(0x62);
    expect(uart.read(LSR) & 1).toBe(0);
    expect(uart.read(RBR)).toBe(0);
  });

  it('interrupts while there is data, and reports a timeout below the trigger level', () => {
    const uart = rig();
    uart.write(FCR, 0x81); // trigger at 8
    uart.write(IER, 1);
    uart.device.pushInput(bytes('1234567'));
    expect(uart.isAsserted).toBe(true);
    expect(uart.read(IIR)).toBe(0xcc);
    uart.device.pushInput(bytes('8'));
    expect(uart.read(IIR)).toBe(0xc4);
    for (let i = 0; i < 8; i++) uart.read(RBR);
    expect(uart.isAsserted).toBe(false);
    expect(uart.read(IIR)).toBe(0xc1);
  });

  it('raises the interrupt for input that came before it was enabled', () => {
    const uart = rig();
    uart.device.pushInput(bytes('a'));
    expect(uart.isAsserted).toBe(false);
    uart.write(IER, 1);
    expect(uart.isAsserted).toBe(true);
  });

  it('accepts what fits and asks for the rest when half is read', () => {
    const uart = rig();
    expect(uart.device.pushInput(new Uint8Array(5000).fill(7))).toBe(4096);
    expect(uart.device.pushInput(bytes('x'))).toBe(0);
    const rings = uart.rings;
    for (let i = 0; i < 2047; i++) uart.read(RBR);
    expect(uart.rings).toBe(rings);
    uart.read(RBR);
    expect(uart.rings).toBe(rings + 1);
    expect(uart.device.pushInput(new Uint8Array(5000))).toBe(2048);
  });

  it('keeps host input when a driver clears the receiver on start', () => {
    const uart = rig();
    uart.device.pushInput(bytes('early'));
    uart.write(FCR, 0x07);
    expect(uart.read(RBR)).toBe('e'.charCodeAt(0));
  });
});

describe('a terminal', () => {
  it('is a port that a driver sends to while it receives, from then on', () => {
    const uart = rig();
    // A boot loader polls, and a driver looks whether the transmitter interrupts before it opens the port.
    uart.send('U-Boot');
    uart.write(IER, 2);
    uart.write(IER, 0);
    uart.write(IER, 5);
    expect(uart.device.isTerminal).toBe(false);
    uart.write(IER, 7);
    expect(uart.device.isTerminal).toBe(true);
    uart.write(IER, 0);
    expect(uart.device.isTerminal).toBe(true);
  });
});

describe('registers', () => {
  it('has a scratch register and a divisor behind DLAB', () => {
    const uart = rig();
    uart.write(SCR, 0x1a5);
    expect(uart.read(SCR)).toBe(0xa5);
    uart.write(LCR, 0x83);
    uart.write(0, 0x34);
    uart.write(1, 0x12);
    expect([uart.read(0), uart.read(1)]).toEqual([0x34, 0x12]);
    uart.write(LCR, 0x03);
    expect(uart.read(IER)).toBe(0);
    expect(uart.device.takeOutput()).toHaveLength(0);
  });

  it('identifies as a 16550A once FIFOs are on', () => {
    const uart = rig();
    expect(uart.read(IIR) & 0xc0).toBe(0);
    uart.write(FCR, 1);
    expect(uart.read(IIR) & 0xc0).toBe(0xc0);
  });

  it('has a connected modem, and the outputs as its inputs in loopback', () => {
    const uart = rig();
    expect(uart.read(MSR)).toBe(0xb0);
    uart.write(MCR, 0x1a); // Linux' probe: RTS and OUT2
    expect(uart.read(MSR) & 0xf0).toBe(0x90);
    uart.read(MSR);
    uart.write(MCR, 0x10);
    expect(uart.read(MSR) & 0x0f).toBe(0x09); // carrier and clear to send went away
    expect(uart.read(MSR) & 0x0f).toBe(0);
  });

  it('loops sent bytes back, cut off from the host, and reports an overrun after 16', () => {
    const uart = rig();
    uart.write(FCR, 1);
    uart.write(IER, 4);
    uart.write(MCR, 0x10);
    uart.device.pushInput(bytes('outside'));
    for (let i = 0; i < 16; i++) uart.write(THR, i);
    expect(uart.isAsserted).toBe(false);
    uart.write(THR, 99);
    expect(uart.isAsserted).toBe(true);
    expect(uart.read(IIR)).toBe(0xc6);
    expect(uart.read(LSR)).toBe(0x63);
    expect(uart.isAsserted).toBe(false);
    for (let i = 0; i < 16; i++) expect(uart.read(RBR)).toBe(i);
    expect(uart.read(LSR)).toBe(0x60);
    expect(uart.device.takeOutput()).toHaveLength(0);
    uart.write(MCR, 0);
    expect(uart.read(RBR)).toBe('o'.charCodeAt(0));
  });

  it('ignores offsets it does not have', () => {
    const uart = rig();
    uart.write(0x20, 0xff);
    expect(uart.read(0x20)).toBe(0);
  });
});

it('shares its state with an instance on another thread', () => {
  const uart = rig();
  const elsewhere = uart16550.create(uart.context, undefined);
  uart.send('hi');
  expect(text(elsewhere.takeOutput())).toBe('hi');
  elsewhere.pushInput(bytes('k'));
  expect(uart.read(RBR)).toBe('k'.charCodeAt(0));
});
