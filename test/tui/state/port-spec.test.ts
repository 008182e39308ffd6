import {describe, expect, it} from 'vitest';
import {networkOption} from '../../../src/tui/cli/network-option.js';
import {parseForward, parseForwardEnd, parseHostEnd} from '../../../src/tui/state/port-spec.js';

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
    '8080:80/icmp',
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

describe('a forward of UDP', () => {
  it.each([
    ['5353:53/udp', {address: '127.0.0.1', hostPort: 5353, guestPort: 53, protocol: 'udp'}],
    ['[::1]:5353:53/udp', {address: '::1', hostPort: 5353, guestPort: 53, protocol: 'udp'}],
    ['8080:80/tcp', {address: '127.0.0.1', hostPort: 8080, guestPort: 80}],
    ['8080:80/sctp', undefined],
    ['8080:80/udp/udp', undefined],
    ['/udp', undefined],
  ])('is read from %s', (text, forward) => {
    expect(parseForward(text)).toEqual(forward);
  });

  it('is taken back by its end with the protocol', () => {
    expect(parseForwardEnd('5353/udp')).toEqual({hostPort: 5353, protocol: 'udp'});
    expect(parseForwardEnd('0.0.0.0:5353/udp')).toEqual({address: '0.0.0.0', hostPort: 5353, protocol: 'udp'});
    expect(parseForwardEnd('5353')).toEqual({hostPort: 5353});
  });
});
