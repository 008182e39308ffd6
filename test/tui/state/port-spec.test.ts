import {describe, expect, it} from 'vitest';
import {networkOption} from '../../../src/tui/cli/network-option.js';
import {parseForward, parseHostEnd} from '../../../src/tui/state/port-spec.js';

describe('a port forward as it is written', () => {
  it.each([
    ['8080:80', '127.0.0.1', 8080, 80],
    ['0.0.0.0:2200:22', '0.0.0.0', 2200, 22],
    ['[::1]:1:65535', '::1', 1, 65535],
  ])('is %s', (text, address, hostPort, guestPort) => {
    expect(parseForward(text)).toEqual({address, hostPort, guestPort});
  });

  it.each([
    '80',
    '0:80',
    '8080:65536',
    '8080:',
    ':80',
    'web:8080:80',
    '::1:8080:80',
    '[1.2.3.4]:8080:80',
    '8080:80/udp',
  ])('is not %s', (text) => {
    expect(parseForward(text)).toBeUndefined();
  });

  it('is taken back by the host’s end of it', () => {
    expect(parseHostEnd('8080')).toEqual({hostPort: 8080});
    expect(parseHostEnd('0.0.0.0:8080')).toEqual({hostPort: 8080, address: '0.0.0.0'});
    expect(parseHostEnd('99999')).toBeUndefined();
  });
});

describe('a network as it is written', () => {
  it('is a kind with limits', () => {
    expect(networkOption('user,deny,host')).toMatchObject({kind: 'user', egress: 'deny', allowsHostLoopback: true});
    expect(networkOption('none')).toMatchObject({kind: 'none'});
  });

  it.each(['', 'bridge', 'none,host', 'user,open', 'user,'])('is not %j', (text) => {
    expect(() => networkOption(text)).toThrow(/Give user or none/);
  });
});
