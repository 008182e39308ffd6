import {expect, test} from 'vitest';
import {DetachScanner} from '../../../src/manager/console/detach.js';

const bytes = (text: string) => new TextEncoder().encode(text);

function scan(...chunks: string[]): {sent: string; isDetached: boolean; rest: string; isWaiting: boolean} {
  const scanner = new DetachScanner();
  let sent = '';
  for (const chunk of chunks) {
    const result = scanner.feed(bytes(chunk));
    sent += new TextDecoder().decode(result.send);
    if (result.isDetached)
      return {sent, isDetached: true, rest: new TextDecoder().decode(result.rest), isWaiting: false};
  }
  return {sent, isDetached: false, rest: '', isWaiting: scanner.isWaiting};
}

test('Ctrl-] waits, and what is typed after it is no longer the guest’s', () => {
  expect(scan('ls\x1d')).toMatchObject({sent: 'ls', isDetached: false, isWaiting: true});
  expect(scan('ls\x1d', 'p')).toMatchObject({sent: 'ls', isDetached: true, rest: 'p'});
});

test('Ctrl-] twice sends one and stays', () => {
  expect(scan('\x1d\x1dx')).toMatchObject({sent: '\x1dx', isDetached: false, isWaiting: false});
});

test('a wait that ran out detaches once', () => {
  const scanner = new DetachScanner();
  scanner.feed(bytes('\x1d'));
  expect(scanner.expire()).toBe(true);
  expect(scanner.expire()).toBe(false);
});

test('~. detaches only at the start of a line', () => {
  expect(scan('~.')).toMatchObject({sent: '', isDetached: true});
  expect(scan('a\r', '~', '.q')).toMatchObject({sent: 'a\r', isDetached: true, rest: 'q'});
  expect(scan('a~.')).toMatchObject({sent: 'a~.', isDetached: false});
});

test('~ before anything else is sent with it, and ~~ sends one', () => {
  expect(scan('~x').sent).toBe('~x');
  expect(scan('~~.').sent).toBe('~.');
  expect(scan('~\r~.')).toMatchObject({sent: '~\r', isDetached: true});
});

test('bytes that are not UTF-8 pass unchanged', () => {
  const given = Uint8Array.from({length: 256}, (_, index) => index).filter((byte) => byte !== 0x1d);
  expect(new DetachScanner().feed(given).send).toEqual(given);
});

test('letters of the owner are commands behind ~ at the start of a line, and nowhere else', () => {
  const scanner = new DetachScanner('/[');
  const found = scanner.feed(bytes('a~/\r~/rest'));
  expect(found).toMatchObject({command: '/', isDetached: false});
  expect(new TextDecoder().decode(found.send)).toBe('a~/\r');
  expect(new TextDecoder().decode(found.rest)).toBe('rest');
  // Another chord can follow at once, and what is no command is sent.
  expect(scanner.feed(bytes('~['))).toMatchObject({command: '['});
  expect(new TextDecoder().decode(scanner.feed(bytes('~?')).send)).toBe('~?');
  expect(scan('~/')).toMatchObject({sent: '~/', isDetached: false});
});

test('what a chord withheld is given back when it cannot go on', () => {
  const scanner = new DetachScanner();
  scanner.feed(bytes('~'));
  expect(new TextDecoder().decode(scanner.release())).toBe('~');
  expect(scanner.release()).toHaveLength(0);
  expect(scanner.feed(bytes('~.'))).toMatchObject({isDetached: false});
});
