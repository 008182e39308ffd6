import type {ReactElement} from 'react';
import {Line, type Segment} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {firstEntry, menuEntries, type PaletteEntry, paletteEntries} from '../keys/palette.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {fitCells, textWidth} from '../terminal/char-width.js';
import {text} from '../text/text.js';

const KEYS_WIDTH = 11;
/** A command is shown where the sentence before it keeps this many columns. */
const MIN_TEXT_WIDTH = 34;

/** Everything that can be done, by name; below the line that is typed. */
export function PaletteScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'palette') return null;
  const {input, chosen} = state.overlay;
  const entries = paletteEntries(state, actions, input.text);
  const width = rect.width - 2;
  const rows = rect.height - 3;
  const chars = [...input.text];
  return (
    <OverlayBox
      rect={rect}
      title={text.dialogs.palette.title}
      footer={entries[chosen]?.reason ?? text.dialogs.palette.footer}
    >
      <Line
        width={width}
        segments={[
          {text: ' : ', token: 'accent', isBold: true},
          {text: chars.slice(0, input.cursor).join('')},
          {text: chars[input.cursor] ?? ' ', isInverse: true},
          {text: chars.slice(input.cursor + 1).join('')},
        ]}
      />
      {entries.length === 0 ? (
        <Line width={width} segments={[{text: `   ${text.dialogs.palette.noMatch}`, token: 'faint'}]} />
      ) : null}
      <Entries entries={entries} chosen={chosen} rows={rows} width={width} />
    </OverlayBox>
  );
}

/** What can be done with the highlighted machine, with its letters. */
export function MenuScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'menu') return null;
  const entries = menuEntries(state, actions);
  const {chosen} = state.overlay;
  return (
    <OverlayBox
      rect={rect}
      title={text.dialogs.menu.title}
      footer={entries[chosen]?.reason ?? text.dialogs.menu.footer}
    >
      <Entries entries={entries} chosen={chosen} rows={rect.height - 2} width={rect.width - 2} />
    </OverlayBox>
  );
}

function Entries({
  entries,
  chosen,
  rows,
  width,
}: {
  entries: readonly PaletteEntry[];
  chosen: number;
  rows: number;
  width: number;
}): ReactElement[] {
  const first = firstEntry(chosen, entries.length, rows);
  return entries
    .slice(first, first + rows)
    .map((entry, index) => (
      <Line
        key={`${entry.kind} ${entry.id}`}
        width={width}
        segments={segmentsOf(entry, first + index === chosen, width)}
      />
    ));
}

function segmentsOf(entry: PaletteEntry, isChosen: boolean, width: number): Segment[] {
  const look = isChosen ? {isInverse: true} : entry.reason === undefined ? {} : {token: 'faint' as const};
  const left = width - KEYS_WIDTH - 3;
  const commandWidth = textWidth(entry.command);
  const isCommandShown = commandWidth > 0 && left - commandWidth - 1 >= MIN_TEXT_WIDTH;
  const textColumns = isCommandShown ? left - commandWidth - 1 : left;
  return [
    {text: isChosen ? ' ▸ ' : '   ', ...look},
    {text: fitCells(entry.keys, KEYS_WIDTH), isBold: entry.reason === undefined, ...look},
    {text: fitCells(entry.text, textColumns), ...look},
    ...(isCommandShown
      ? [{text: ` ${entry.command}`, ...(isChosen ? {isInverse: true} : {token: 'faint' as const})}]
      : []),
  ];
}
