import type {ReactElement} from 'react';
import {ChoiceButtons} from '../components/choice-buttons.js';
import {Line} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {chordLines} from '../state/presenters/lookback.js';
import {pasteQuestion} from '../state/presenters/paste.js';
import {text} from '../text/text.js';

/** The question about a paste, or the list of a console's chords. */
export function ConsoleDialogScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'console') return null;
  const {dialog} = state.overlay;
  const width = rect.width - 2;
  if (dialog.kind === 'chords')
    return (
      <OverlayBox rect={rect} title={text.consoles.chords.title} footer={text.dialogs.anyKeyCloses}>
        {chordLines(width).map(([keys, does]) => (
          <Line key={keys + does} width={width} segments={[{text: ` ${keys}`, isBold: true}, {text: does}]} />
        ))}
      </OverlayBox>
    );
  const name = state.machines.find(({id}) => id === dialog.paste.machineId)?.name ?? '';
  const [question, ...lines] = pasteQuestion(dialog.paste, name);
  return (
    <OverlayBox rect={rect} title={text.consoles.paste.title} footer={text.dialogs.yesOrNo}>
      <Line width={width} segments={[{text: ` ${question}`}]} />
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its place
        <Line key={row} width={width} segments={[{text: `  ${line}`, token: 'faint'}]} />
      ))}
      <Line width={width} segments={[]} />
      <ChoiceButtons labels={[text.dialogs.no, text.consoles.paste.yes]} active={dialog.isYes ? 1 : 0} width={width} />
    </OverlayBox>
  );
}
