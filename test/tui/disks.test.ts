import {describe, expect, test} from 'vitest';
import {parseDiskText} from '../../src/tui/state/disk-text.js';
import {tuiOfFile} from '../support/start-tui.js';

const tui = tuiOfFile();

describe('a disk as it is written', () => {
  test.each([
    ['10G', {newSizeBytes: 10 * 2 ** 30}],
    ['1,format=raw', {newSizeBytes: 512, format: 'raw'}],
    ['/a/b.qcow2', {path: '/a/b.qcow2', format: 'qcow2', isReadOnly: false}],
    ['/a/b.iso', {path: '/a/b.iso', format: 'raw', isReadOnly: true}],
    ['/a/b,ro', {path: '/a/b', isReadOnly: true}],
  ])('%j is understood', (text, disk) => expect(parseDiskText(text)).toEqual(disk));

  test.each([
    ['', 'Give a size'],
    ['b.qcow2', 'from / on'],
    ['10G,ro', 'cannot be read-only'],
    ['10G,fast', 'no option fast'],
    ['12 cows', 'Give a size'],
  ])('%j is refused with a sentence', (text, sentence) => expect(parseDiskText(text)).toContain(sentence));
});

describe('the disks tab', () => {
  test('shows images, and attaches and detaches while the machine is off', async () => {
    await using terminal = tui.open('alpha:defined');
    await terminal.see('alpha  ○ off');
    terminal.press('5');
    await terminal.see('This machine has no disk; a attaches one while it is off.');
    terminal.press('x');
    await terminal.see('There is no disk yet; a attaches one.');
    terminal.press('a');
    await terminal.see('Attach a disk to alpha');
    terminal.press('cows\r');
    await terminal.see('Give a size, as 10G, or the full path of an image');
    terminal.press('\x1510G\r');
    await terminal.see('▸ vda  qcow2  10G  3M on the host');
    await terminal.see('/fleet/disk0.qcow2');
    terminal.press('a');
    await terminal.see('Attach a disk to alpha');
    terminal.press('10G\r');
    await terminal.see('vdb');
    terminal.press('\x1b[C');
    await terminal.see('▸ vdb');
    terminal.press('x');
    await terminal.see('the image is still there: /fleet/disk1.qcow2');
    await terminal.until('to show one disk', (text) => !text.includes('vdb'));
  });

  test('says why a running machine keeps its disks', async () => {
    await using terminal = tui.open('alpha:running');
    await terminal.see('alpha  ● running');
    terminal.press('5a');
    await terminal.see('Disks are changed while the machine is off; S shuts alpha down.');
  });
});

describe('the config tab', () => {
  test('tells what a machine is made of', async () => {
    await using terminal = tui.open('alpha:running:web');
    await terminal.see('alpha  ● running');
    terminal.press('i');
    await terminal.see(/boots +debian-mini/);
    await terminal.see(/group +web/);
    expect(terminal.text).toMatch(/memory +256M/);
    expect(terminal.text).toMatch(/files +\/fleet\/alpha/);
  });
});
