import {describe, expect, it} from 'vitest';
import {formatEgressTarget, isEgressDestination} from '../../../src/manager/protocol/egress.js';
import {parseEgressTarget} from '../../../src/tui/state/egress-spec.js';

describe('a destination as it is written', () => {
  it.each([
    ['*', '*', undefined],
    ['*:443', '*', 443],
    ['192.0.2.7', '192.0.2.7', undefined],
    ['192.0.2.7:80', '192.0.2.7', 80],
    ['10.0.0.0/8', '10.0.0.0/8', undefined],
    ['10.0.0.0/8:65535', '10.0.0.0/8', 65535],
    ['2001:DB8::1', '2001:db8::1', undefined],
    ['[2001:db8::1]:53', '2001:db8::1', 53],
    ['[2001:db8::/32]:53', '2001:db8::/32', 53],
    ['::/0', '::/0', undefined],
    ['Example.ORG', 'example.org', undefined],
    ['example.org.:443', 'example.org', 443],
    ['_acme.xn--bcher-kva.example', '_acme.xn--bcher-kva.example', undefined],
    ['localhost', 'localhost', undefined],
  ])('is %s', (text, destination, port) => {
    const target = parseEgressTarget(text);
    expect(target).toEqual({destination, ...(port === undefined ? {} : {port})});
    expect(parseEgressTarget(formatEgressTarget(target!))).toEqual(target);
  });

  it.each([
    '',
    ':80',
    'example.org:',
    'example.org:0',
    'example.org:65536',
    'example.org:http',
    '10.0.0.0/33',
    '::/129',
    '999.1.1.1',
    '1.2.3',
    '12',
    '10.0.0.0/8/8',
    'example.org/8',
    '-a.org',
    'a..org',
    '.org',
    'a b',
    'b\u00e4nk.org',
    'a\x1b[2J.org',
    '*.org',
    '[example.org]:80',
    'fe80::1%eth0',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(127)}org`,
  ])('is not %j', (text) => {
    expect(parseEgressTarget(text)).toBeUndefined();
    expect(isEgressDestination(text)).toBe(false);
  });

  it('is looked at quickly, however it is made to be slow', () => {
    for (const text of ['a-'.repeat(126), 'a.'.repeat(126), '0'.repeat(253), `${'a_'.repeat(120)}!`, ':'.repeat(253)])
      expect(isEgressDestination(text)).toBe(false);
  });
});
