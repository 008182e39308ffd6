/** Start file of a hart worker: every device model that a machine of ours may have. */

import {runHart} from '../../../engine/hart/worker.js';
import {machineModels} from './machine-models.js';

runHart({models: machineModels});
