/** What can be copied of a machine, as the lines of its menu. */
import {visibleText} from '../../terminal/visible-text.js';
import type {AppState} from '../model.js';

/** Addresses that are offered of a guest that has many. */
const ADDRESSES_OFFERED = 4;

/** A line of the menu; without a `text` it is the console's screen, which is asked for when it is chosen. */
export interface CopyEntry {
  readonly label: string;
  readonly text: string | undefined;
}

/** What is offered now. Addresses come last, since they come late: nothing moves under a finger. */
export function copyEntries({overlay, machines}: AppState): readonly CopyEntry[] {
  if (overlay?.kind !== 'copy') return [];
  const machine = machines.find(({id}) => id === overlay.machineId);
  if (machine === undefined) return [];
  const {name, folder} = machine;
  return [
    {label: 'name', text: name},
    {label: "the guest's SSH", text: `viv ssh root@${name}`},
    {label: 'console by SSH', text: `ssh -p 2222 ${name}@localhost`},
    {label: 'folder', text: folder},
    {label: 'what its console shows', text: undefined},
    // A guest says what its addresses are.
    ...overlay.addresses.slice(0, ADDRESSES_OFFERED).map((text) => ({label: 'address', text: visibleText(text)})),
  ];
}
