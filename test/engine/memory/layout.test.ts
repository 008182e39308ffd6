import {describe, expect, it} from 'vitest';
import {layoutMemory, MAX_HARTS, MAX_RAM_BYTES} from '../../../src/engine/memory/layout.js';

describe('the layout of memory', () => {
  it('has room for the largest machine', () => {
    expect(layoutMemory(MAX_RAM_BYTES, MAX_HARTS, 65536).totalBytes).toBeLessThanOrEqual(2 ** 32);
  });
});
