import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {decodeExecRequest, ExecReplyDecoder, encodeExecRequest} from '../../../src/manager/image/exec-protocol.js';

const bytes = (value: string) => new TextEncoder().encode(value);
/** Any bytes but NUL. */
const word = fc.uint8Array({min: 1, max: 255, maxLength: 40});

describe('encodeExecRequest', () => {
  it('writes one line for each part and ends with run', () => {
    const request = encodeExecRequest({
      arguments: ['sh', '-c', 'echo "a b"\n', ''],
      environment: {LANG: 'C'},
      cwd: '/tmp',
      stdin: 'pipe',
    });
    expect(new TextDecoder().decode(request)).toBe(
      'cwd /tmp\nenv LANG=C\narg sh\narg -c\narg echo\\040\\042a\\040b\\042\\012\narg \nstdin pipe\nrun\n',
    );
  });

  it('keeps any bytes in arguments', () => {
    fc.assert(
      fc.property(fc.array(word, {minLength: 1, maxLength: 6}), (parts) => {
        const decoded = decodeExecRequest(encodeExecRequest({arguments: parts, stdin: 'none'}));
        expect(decoded?.arguments).toEqual(parts);
      }),
    );
  });

  it('puts nothing on a line that a shell could take for more than a word', () => {
    fc.assert(
      fc.property(word, (part) => {
        const line = new TextDecoder().decode(encodeExecRequest({arguments: [part], stdin: 'none'})).split('\n')[0];
        expect(line).toMatch(/^arg ([a-zA-Z0-9_./=:,+@%-]|\\[0-3][0-7]{2})*$/);
      }),
    );
  });

  it.each([
    ['no arguments', {arguments: [], stdin: 'none' as const}],
    ['a NUL byte', {arguments: ['a\0b'], stdin: 'none' as const}],
    ['a bad variable name', {arguments: ['a'], environment: {'A B': '1'}, stdin: 'none' as const}],
  ])('refuses %s', (_, request) => {
    expect(() => encodeExecRequest(request)).toThrow(RangeError);
  });
});

describe('decodeExecRequest', () => {
  it.each(['', 'arg a\n', 'run\n', 'arg a b\nrun\n', 'arg $x\nrun\n', 'what a\nrun\n', 'arg \\9\nrun\n'])(
    'refuses %j',
    (text) => {
      expect(decodeExecRequest(bytes(text))).toBeUndefined();
    },
  );
});

describe('ExecReplyDecoder', () => {
  it('finds the status, however the bytes are cut', () => {
    const decoder = new ExecReplyDecoder();
    for (const byte of bytes('exit 14')) expect(decoder.push(Uint8Array.of(byte))).toBeUndefined();
    expect(decoder.push(bytes('3\n'))).toEqual({kind: 'exited', status: 143});
  });

  it('passes over lines it does not know', () => {
    expect(new ExecReplyDecoder().push(bytes('hello\nexit x\nexit 0\n'))).toEqual({kind: 'exited', status: 0});
  });

  it('gives the reason of a failure', () => {
    expect(new ExecReplyDecoder().push(bytes('error no command\n'))).toEqual({kind: 'failed', reason: 'no command'});
  });

  it('does not collect a line without an end', () => {
    const decoder = new ExecReplyDecoder();
    expect(decoder.push(bytes('x'.repeat(5000)))).toMatchObject({kind: 'failed'});
  });
});
