import type {ReactElement} from 'react';
import {FormView} from '../components/form-view.js';
import {OverlayBox} from '../components/overlay-box.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {text} from '../text/text.js';

/** The form that is being filled in. */
export function FormScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'form') return null;
  const {form} = state.overlay;
  return (
    <OverlayBox rect={rect} title={form.title} footer={text.dialogs.form.footer(form.submitLabel)}>
      <FormView form={form} width={rect.width - 2} />
    </OverlayBox>
  );
}
