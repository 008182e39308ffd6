import {actionGroups} from './action-groups.js';
import {activity} from './activity.js';
import {casts} from './casts.js';
import {config} from './config.js';
import {consoleActions} from './console-actions.js';
import {consoleDesk} from './console-desk.js';
import {consoles} from './consoles.js';
import {dialogs} from './dialogs.js';
import {diskActions} from './disk-actions.js';
import {disks} from './disks.js';
import {editor} from './editor.js';
import {files} from './files.js';
import {filter} from './filter.js';
import {firstRun} from './first-run.js';
import {fleet} from './fleet.js';
import {graphActions} from './graph-actions.js';
import {graphs} from './graphs.js';
import {machine} from './machine.js';
import {machineActions} from './machine-actions.js';
import {machineFields} from './machine-fields.js';
import {machineForm} from './machine-form.js';
import {manager} from './manager.js';
import {manyMachines} from './many-machines.js';
import {network} from './network.js';
import {networkActions} from './network-actions.js';
import {programActions} from './program-actions.js';
import {session} from './session.js';
import {settings} from './settings.js';
import {speech} from './speech.js';
import {spoken} from './spoken.js';
import {states} from './states.js';
import {timeline} from './timeline.js';
import {timelineActions} from './timeline-actions.js';
import {viewActions} from './view-actions.js';
import {words} from './words.js';

/** The English catalogue: one member a place of the UI, each in a file of its own. */
export const english = {
  actionGroups,
  actions: {
    ...consoleActions,
    ...diskActions,
    ...graphActions,
    ...machineActions,
    ...networkActions,
    ...programActions,
    ...timelineActions,
    ...viewActions,
  },
  activity,
  casts,
  config,
  consoleDesk,
  consoles,
  dialogs,
  disks,
  editor,
  files,
  filter,
  firstRun,
  fleet,
  graphs,
  machine,
  machineFields,
  machineForm,
  manager,
  manyMachines,
  network,
  session,
  settings,
  speech,
  spoken,
  states,
  timeline,
  words,
};
