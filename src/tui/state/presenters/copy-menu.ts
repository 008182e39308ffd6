/** What can be copied of a machine, as the lines of its menu. */
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
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
  const {labels} = text.dialogs.copy;
  return [
    {label: labels.name, text: name},
    {label: labels.ssh, text: `viv ssh root@${name}`},
    {label: labels.consoleSsh, text: `ssh -p 2222 ${name}@localhost`},
    {label: labels.folder, text: folder},
    {label: labels.screen, text: undefined},
    // A guest says what its addresses are.
    ...overlay.addresses
      .slice(0, ADDRESSES_OFFERED)
      .map((address) => ({label: labels.address, text: visibleText(address)})),
  ];
}
