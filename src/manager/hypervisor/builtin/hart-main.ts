/** Start file of a hart worker: every device model that a machine of ours may have. */

import {runHart} from '../../../engine/hart/worker.js';
import {platformModels} from '../../../engine/platform/standard-platform.js';
import {virtioMmio} from '../../../paravirt/transport/mmio.js';

runHart({models: [...platformModels, virtioMmio]});
