import {describe, expect, it} from 'vitest';
import {
  Admission,
  AUTHENTICATED_MAX,
  CONNECTIONS_AT_ONCE,
  CONNECTIONS_PER_SECOND,
  UNAUTHENTICATED_MAX,
} from '../../../src/manager/ssh/admission.js';

describe('admission of connections', () => {
  it('lets so many be there that have not logged in, and one more when one leaves', () => {
    const admission = new Admission();
    for (let i = 0; i < UNAUTHENTICATED_MAX; i++) expect(admission.enter(i * 1000)).toBe(true);
    expect(admission.enter(UNAUTHENTICATED_MAX * 1000)).toBe(false);
    admission.leave(false);
    expect(admission.enter(UNAUTHENTICATED_MAX * 1000)).toBe(true);
  });

  it('lets so many log in, whoever tries to meanwhile', () => {
    const admission = new Admission();
    for (let i = 0; i < AUTHENTICATED_MAX; i++) {
      expect(admission.enter(i * 1000)).toBe(true);
      expect(admission.logIn()).toBe(true);
    }
    expect(admission.enter(AUTHENTICATED_MAX * 1000)).toBe(true);
    expect(admission.logIn()).toBe(false);
    admission.leave(true);
    expect(admission.logIn()).toBe(true);
  });

  it('lets so many come at once, and so many a second afterwards', () => {
    const admission = new Admission();
    const come = (now: number) => {
      const isIn = admission.enter(now);
      if (isIn) admission.leave(false);
      return isIn;
    };
    const at = (now: number) => Array.from({length: 100}, () => come(now)).filter(Boolean).length;
    expect(at(5000)).toBe(CONNECTIONS_AT_ONCE);
    expect(at(6000)).toBe(CONNECTIONS_PER_SECOND);
    expect(at(3_600_000)).toBe(CONNECTIONS_AT_ONCE);
  });
});
