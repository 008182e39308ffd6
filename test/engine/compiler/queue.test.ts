import {expect, it} from 'vitest';
import type {RegionRequest} from '../../../src/engine/codegen/region/request.js';
import {MAX_WAITING, RequestQueue} from '../../../src/engine/compiler/queue.js';

const request = (entry: number): RegionRequest => ({entry, pages: [], isSelective: true});

it('serves the oldest request first, and all who asked for the same together', () => {
  const queue = new RequestQueue();
  queue.add('a', request(1), {hart: 0, op: 10});
  queue.add('b', request(2), {hart: 0, op: 20});
  queue.add('a', request(3), {hart: 1, op: 30});
  expect(queue.take()).toEqual({
    key: 'a',
    request: request(3),
    askers: [
      {hart: 0, op: 10},
      {hart: 1, op: 30},
    ],
  });
  expect(queue.take()).toMatchObject({key: 'b'});
  expect(queue.take()).toBeUndefined();
});

it('is bounded: the oldest gives way, and its askers are not forgotten', () => {
  const queue = new RequestQueue();
  for (let i = 0; i < MAX_WAITING; i++) expect(queue.add(`${i}`, request(i), {hart: 0, op: i})).toBeUndefined();
  expect(queue.add('more', request(0), {hart: 0, op: 1})).toMatchObject({key: '0', askers: [{hart: 0, op: 0}]});
  expect(queue.add('more', request(0), {hart: 1, op: 1})).toBeUndefined();
  expect(queue.size).toBe(MAX_WAITING);
});
