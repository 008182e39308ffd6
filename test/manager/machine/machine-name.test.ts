import {describe, expect, it} from 'vitest';
import {checkMachineName, inventMachineName} from '../../../src/manager/machine/machine-name.js';

describe('a machine name', () => {
  it.each(['web-1', 'a', '7', 'db.example_1', 'x'.repeat(63)])('%s is fine', (name) => {
    expect(checkMachineName(name)).toBe(name);
  });

  it.each([
    ['', 'it is empty'],
    ['a/b', 'it contains a slash'],
    ['../etc', 'it contains a slash'],
    ['a\u0000b', 'it contains control characters'],
    ['a\u001b[31m', 'it contains control characters'],
    ['a\nb', 'it contains control characters'],
    ['a\u009bb', 'it contains control characters'],
    ['-rf', 'it begins with a dash, like an option'],
    ['.hidden', 'it does not begin with a letter or digit'],
    ['a b', 'it contains a blank'],
    ['ä', 'it does not begin with a letter or digit'],
    ['a\u202eb', 'it contains "\\u202e"'],
    ['x'.repeat(64), 'it is longer than 63 characters'],
    ['01234567-89ab-cdef-0123-456789abcdef', 'it looks like a machine id'],
  ])('%j is refused with its reason', (name, reason) => {
    expect(() => checkMachineName(name)).toThrow(
      expect.objectContaining({code: 'bad-name', message: expect.stringContaining(reason)}),
    );
  });

  it('is never echoed raw in the refusal', () => {
    try {
      checkMachineName('a\u001b]0;title\u0007\u009b');
      expect.unreachable();
    } catch (thrown) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the very characters that must not be there
      expect(String(thrown)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  });

  it('is invented free and valid even when nearly all are taken', () => {
    const taken = new Set<string>();
    for (let count = 0; count < 3000; count++) {
      const name = checkMachineName(inventMachineName((candidate) => taken.has(candidate)));
      expect(taken.has(name)).toBe(false);
      taken.add(name);
    }
  });
});
