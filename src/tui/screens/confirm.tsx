import type {ReactElement} from 'react';
import {ChoiceButtons} from '../components/choice-buttons.js';
import {Line} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {PlainText} from '../components/plain-text.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {wrapText} from '../terminal/char-width.js';
import {text} from '../text/text.js';

/** A question before something is lost; No is highlighted, or a phrase is to be typed. */
export function ConfirmScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'confirm') return null;
  const {title, question, yesLabel, isYes, phrase, typed} = state.overlay.confirmation;
  const width = rect.width - 2;
  const footer =
    phrase === undefined
      ? text.dialogs.yesOrNo
      : typed.text === phrase
        ? text.dialogs.confirm.phraseTyped(yesLabel)
        : text.dialogs.confirm.phraseMissing;
  return (
    <OverlayBox rect={rect} title={title} footer={footer}>
      {wrapText(question, width - 2).map((line) => (
        <PlainText key={line} text={` ${line}`} />
      ))}
      <PlainText text=" " />
      {phrase === undefined ? (
        <ChoiceButtons labels={[text.dialogs.no, yesLabel]} active={isYes ? 1 : 0} width={width} />
      ) : (
        <Line
          width={width}
          segments={[
            {text: ` ${text.dialogs.confirm.typePhrase(phrase)} `, token: 'accent'},
            {text: typed.text},
            {text: ' ', isInverse: true},
          ]}
        />
      )}
    </OverlayBox>
  );
}
