/** Device models that machines of ours may have: the same for their process and for each hart's thread. */
import {platformModels} from '../../../engine/platform/standard-platform.js';
import {virtioMmio} from '../../../paravirt/transport/mmio.js';

/** See the module. */
export const machineModels = [...platformModels, virtioMmio];
