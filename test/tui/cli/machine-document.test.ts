import {expect, test} from 'vitest';
import {defaultNetwork, type Machine} from '../../../src/manager/protocol/machine.js';
import {documentChanges, documentOf, readDocument} from '../../../src/tui/cli/machine-document.js';
import {fakeMachine} from '../../support/fake-fleet.js';

const off = fakeMachine('web-1', 'defined', {labels: {group: 'lab', tags: ['a']}});
const read = (machine: Machine, changes: object) =>
  readDocument(JSON.stringify({...documentOf(machine), ...changes}), machine);

test('what is read back without a change asks for nothing', () => {
  const after = read(off, {});
  expect(after).toEqual(documentOf(off));
  expect(documentChanges(documentOf(off), documentOf(off))).toEqual({});
});

test('each change asks for itself alone', () => {
  const before = documentOf(off);
  const ask = (changes: object) => {
    const after = read(off, changes);
    if (typeof after === 'string') throw new Error(after);
    return documentChanges(before, after);
  };
  expect(ask({memory: '1.5G'})).toEqual({edit: {memoryBytes: 1.5 * 2 ** 30}});
  expect(ask({commandLine: 'quiet'})).toEqual({edit: {commandLine: 'quiet'}});
  expect(ask({tier: 'regions', cpus: 8})).toEqual({edit: {tier: 'regions', hartCount: 8}});
  const network = {...before.network, egress: 'deny'};
  expect(ask({network})).toEqual({edit: {network: {kind: 'user', egress: 'deny', allowsHostLoopback: false}}});
  expect(ask({tags: ['b', 'b'], group: null})).toEqual({
    label: {addTags: ['b', 'b'], removeTags: ['a'], group: null},
  });
  expect(ask({name: 'web-2'})).toEqual({name: 'web-2'});
});

test('a machine that runs, or is saved, has its name and labels only, and says why', () => {
  const running = fakeMachine('web-1', 'running');
  expect(documentOf(running)).toEqual({name: 'web-1', group: null, tags: []});
  expect(read(running, {memory: '1G'})).toMatch(/^At memory: web-1 is running: .* can change when it is off/);
  const atMs = {atMs: 0, fileBytes: 1, touchedBytes: 1, memoryId: crypto.randomUUID(), sources: []};
  const saved = fakeMachine('web-1', 'saved', {saved: atMs});
  expect(read(saved, {cpus: 2})).toMatch(/^At cpus: web-1 is saved with what it has/);
});

test('what can be changed but not taken away says so', () => {
  const network = {...defaultNetwork, bytesPerSecond: 1e6};
  const limited = fakeMachine('web-1', 'defined', {config: {...off.config!, tier: 'auto', network}});
  expect(read(limited, {tier: null})).toBe('At tier: can be changed, but not taken away.');
  expect(read(limited, {network: {...documentOf(limited).network, bytesPerSecond: undefined}})).toBe(
    'At network.bytesPerSecond: can be changed, but not taken away.',
  );
});

test.each(['', '[]', 'null', '{"name": "x"}', '{"name": 1}', '{'.repeat(1000), '"\ud800"'])(
  '%j is refused in one sentence',
  (text) => {
    expect(readDocument(text, off)).toMatch(/^(At |That is no JSON: ).*\.$/);
  },
);
