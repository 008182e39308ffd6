import type {ReactElement} from 'react';
import {MachineFormView} from '../components/machine-form-view.js';
import {OverlayBox} from '../components/overlay-box.js';
import type {ScreenProps} from '../screen.js';
import {layoutMachineForm} from '../state/machine-form-layout.js';
import {text} from '../text/text.js';

/** The wizard for a new machine, or the form that changes one. */
export function MachineFormScreen({state}: ScreenProps): ReactElement | null {
  if (state.overlay?.kind !== 'machine') return null;
  const {form} = state.overlay;
  const layout = layoutMachineForm(form, state.machines, state.size);
  const isCreate = form.mode === 'create';
  const {create, edit} = text.machineForm;
  const submit = isCreate ? (form.values.start.text === 'no' ? create.submit : create.submitAndStart) : edit.submit;
  return (
    <OverlayBox
      rect={layout.rect}
      title={isCreate ? create.title : edit.title(form.before.name)}
      footer={text.dialogs.form.footer(submit)}
    >
      <MachineFormView form={form} machines={state.machines} layout={layout} />
    </OverlayBox>
  );
}
