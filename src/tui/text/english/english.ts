import {activity} from './activity.js';
import {config} from './config.js';
import {consoles} from './consoles.js';
import {dialogs} from './dialogs.js';
import {disks} from './disks.js';
import {filter} from './filter.js';
import {firstRun} from './first-run.js';
import {fleet} from './fleet.js';
import {graphs} from './graphs.js';
import {machine} from './machine.js';
import {machineFields} from './machine-fields.js';
import {machineForm} from './machine-form.js';
import {manager} from './manager.js';
import {network} from './network.js';
import {programActions} from './program-actions.js';
import {spoken} from './spoken.js';
import {states} from './states.js';
import {timeline} from './timeline.js';
import {words} from './words.js';

/** The English catalogue: one member a place of the UI, each in a file of its own. */
export const english = {
  actions: {...programActions},
  activity,
  config,
  consoles,
  dialogs,
  disks,
  filter,
  firstRun,
  fleet,
  graphs,
  machine,
  machineFields,
  machineForm,
  manager,
  network,
  spoken,
  states,
  timeline,
  words,
};
