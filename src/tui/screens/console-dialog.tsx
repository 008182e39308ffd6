import type {ReactElement} from 'react';
import {ChoiceButtons} from '../components/choice-buttons.js';
import {Line} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {CHORDS} from '../state/presenters/lookback.js';
import {pasteQuestion} from '../state/presenters/paste.js';
import {fitCells} from '../terminal/char-width.js';

const CHORD_WIDTH = 14;

/** The question about a paste, or the list of a console's chords. */
export function ConsoleDialogScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'console') return null;
  const {dialog} = state.overlay;
  const width = rect.width - 2;
  if (dialog.kind === 'chords')
    return (
      <OverlayBox rect={rect} title="In a console" footer="any key closes">
        {CHORDS.map(([keys, help]) => (
          <Line
            key={keys}
            width={width}
            segments={[{text: fitCells(` ${keys}`, CHORD_WIDTH), isBold: true}, {text: help}]}
          />
        ))}
      </OverlayBox>
    );
  const name = state.machines.find(({id}) => id === dialog.paste.machineId)?.name ?? '';
  const [question, ...lines] = pasteQuestion(dialog.paste, name);
  return (
    <OverlayBox rect={rect} title="Paste" footer="y yes · n no · Enter takes the highlighted one">
      <Line width={width} segments={[{text: ` ${question}`}]} />
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its place
        <Line key={row} width={width} segments={[{text: `  ${line}`, token: 'faint'}]} />
      ))}
      <Line width={width} segments={[]} />
      <ChoiceButtons labels={['No', 'Type it']} active={dialog.isYes ? 1 : 0} width={width} />
    </OverlayBox>
  );
}
