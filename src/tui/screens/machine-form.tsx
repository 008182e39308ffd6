import type {ReactElement} from 'react';
import {MachineFormView} from '../components/machine-form-view.js';
import {OverlayBox} from '../components/overlay-box.js';
import type {ScreenProps} from '../screen.js';
import {layoutMachineForm} from '../state/machine-form-layout.js';

/** The wizard for a new machine, or the form that changes one. */
export function MachineFormScreen({state}: ScreenProps): ReactElement | null {
  if (state.overlay?.kind !== 'machine') return null;
  const {form} = state.overlay;
  const layout = layoutMachineForm(form, state.machines, state.size);
  const isCreate = form.mode === 'create';
  const enter = isCreate ? (form.values.start.text === 'no' ? 'create' : 'create and start') : 'change';
  return (
    <OverlayBox
      rect={layout.rect}
      title={isCreate ? 'New machine' : `Edit ${form.before.name}`}
      footer={`Enter ${enter} · Tab next field · Esc cancel`}
    >
      <MachineFormView form={form} machines={state.machines} layout={layout} />
    </OverlayBox>
  );
}
