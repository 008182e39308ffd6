import {Text} from 'ink';
import type {ReactElement} from 'react';
import {ChoiceButtons} from '../components/choice-buttons.js';
import {OverlayBox} from '../components/overlay-box.js';
import {overlayRect, type ScreenProps} from '../screen.js';

/** A question before something is lost; No is highlighted. */
export function ConfirmScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'confirm') return null;
  const {title, question, yesLabel, isYes} = state.overlay.confirmation;
  return (
    <OverlayBox rect={rect} title={title} footer="y yes · n no · Enter takes the highlighted one">
      <Text wrap="wrap">{` ${question}`}</Text>
      <Text> </Text>
      <ChoiceButtons labels={['No', yesLabel]} active={isYes ? 1 : 0} width={rect.width - 2} />
    </OverlayBox>
  );
}
