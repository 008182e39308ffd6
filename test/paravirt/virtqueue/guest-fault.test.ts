import {expect, it} from 'vitest';
import {FaultLog, type FaultReport} from '../../../src/paravirt/virtqueue/guest-fault.js';

it('a guest that breaks rules all the time is reported once a second, with the count', () => {
  let now = 5000;
  const reports: FaultReport[] = [];
  const log = new FaultLog(
    (report) => reports.push(report),
    () => now,
  );
  for (let index = 0; index < 1000; index++) log.add('descriptor-index', 1);
  now += 999;
  log.add('descriptor-index', 1);
  expect(reports).toEqual([{fault: 'descriptor-index', queueIndex: 1, count: 1}]);
  now += 1;
  log.add('chain-too-long', 2);
  expect(reports[1]).toEqual({fault: 'chain-too-long', queueIndex: 2, count: 1001});
  expect(log.total).toBe(1002);
});
