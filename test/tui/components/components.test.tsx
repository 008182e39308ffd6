import {Text} from 'ink';
import {render} from 'ink-testing-library';
import {expect, test} from 'vitest';
import {FormView} from '../../../src/tui/components/form-view.js';
import {Frame} from '../../../src/tui/components/frame.js';
import {HintBar} from '../../../src/tui/components/hint-bar.js';
import {OverlayBox} from '../../../src/tui/components/overlay-box.js';
import {Tabs} from '../../../src/tui/components/tabs.js';
import {choiceField, textField} from '../../../src/tui/state/form.js';
import {textWidth} from '../../../src/tui/terminal/char-width.js';

// The library's fake terminal has no colours, so frames are plain text.
function frame(element: React.ReactElement): string {
  const {lastFrame, unmount} = render(element);
  const text = lastFrame() ?? '';
  unmount();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are taken off
  return text.replace(/\x1b\[[\d;]*m/g, '');
}

test('a frame has its size, title above and footer below', () => {
  const lines = frame(
    <Frame width={20} height={4} title="Title" footer="foot">
      <Text>inside</Text>
    </Frame>,
  ).split('\n');
  expect(lines).toEqual([
    '╭ Title ───────────╮',
    '│inside            │',
    '│                  │',
    '╰ foot ────────────╯',
  ]);
});

test('a title that is too long is cut inside the border', () => {
  const [top] = frame(<Frame width={16} height={3} title="日本語日本語日本語日本語" />).split('\n');
  expect(textWidth(top ?? '')).toBe(16);
  expect(top).toMatch(/^╭.*…/);
});

test('an overlay hides what lies below it', () => {
  const text = frame(
    <>
      <Text>{Array.from({length: 6}, () => 'x'.repeat(30)).join('\n')}</Text>
      <OverlayBox rect={{x: 5, y: 1, width: 20, height: 4}} title="T" footer="">
        <Text>hi</Text>
      </OverlayBox>
    </>,
  ).split('\n');
  expect(text[2]).toBe('xxxxx│hi                │xxxxx');
  expect(text[3]).toBe('xxxxx│                  │xxxxx');
});

test('tabs are numbered; where there is little room only the active one has its name', () => {
  expect(frame(<Tabs active="console" width={80} />)).toContain('1 Console   2 Graphs');
  expect(frame(<Tabs active="graphs" width={40} />)).toContain('1   2 Graphs   3   4');
});

test('hints stand in one line', () => {
  const hints = [
    {key: 'p', label: 'pause'},
    {key: 'q', label: 'quit'},
  ];
  expect(frame(<HintBar hints={hints} width={40} />)).toBe(' p pause  q quit');
});

test('a form shows placeholders, values and the error', () => {
  const form = {
    token: 't',
    title: 'T',
    fields: [
      textField('a', 'Name', 'chosen for you'),
      choiceField('b', 'Image', ['mini', 'big'], 1),
      textField('c', 'Memory', '', '1G'),
    ],
    focused: 0,
    submitLabel: 'Go',
    isBusy: false,
    error: 'That is taken.',
  };
  const text = frame(<FormView form={form} width={50} />);
  expect(text).toContain('▸ Name');
  expect(text).toContain('chosen for you');
  expect(text).toContain('Image     big'.replace('     ', '     '));
  expect(text).toContain('1G');
  expect(text).toContain('That is taken.');
});
