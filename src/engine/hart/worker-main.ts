/** Entry file of a hart worker of machines that have the platform's own devices only. */
import {platformModels} from '../platform/standard-platform.js';
import {runHart} from './worker.js';

runHart({models: platformModels});
