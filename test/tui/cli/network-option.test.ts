import {describe, expect, it} from 'vitest';
import {networkOption} from '../../../src/tui/cli/network-option.js';

describe('--network', () => {
  it.each([
    ['none', {kind: 'none', egress: 'allow', allowsHostLoopback: false}],
    ['user', {kind: 'user', egress: 'allow', allowsHostLoopback: false}],
    ['user,host,deny', {kind: 'user', egress: 'deny', allowsHostLoopback: true}],
    ['user,ask', {kind: 'user', egress: 'ask'}],
    ['user,switch=lab-1', {kind: 'user', egress: 'allow', switch: {name: 'lab-1'}}],
    ['user,rate=10M', {bytesPerSecond: 10 * 2 ** 20}],
    ['user,rate=8K,switch=lab', {bytesPerSecond: 8192, switch: {name: 'lab'}}],
    ['user,switch=lab,deny', {egress: 'deny', switch: {name: 'lab'}}],
  ])('takes %s', (text, network) => {
    expect(networkOption(text)).toMatchObject(network);
  });

  it.each([
    '',
    'tap',
    'none,deny',
    'none,ask',
    'user,ask,deny',
    'user,',
    'user,allow',
    'user,switch',
    'user,switch=',
    'user,switch=a b',
    'user,switch=A',
    'user,switch=a,switch=b',
    'none,switch=a',
    'user,rate=',
    'user,rate=8191',
    'user,rate=fast',
    'none,rate=1M',
  ])('refuses %j', (text) => {
    expect(() => networkOption(text)).toThrow();
  });
});
