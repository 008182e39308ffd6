import {actionGroups} from './action-groups.js';
import {casts} from './casts.js';
import {consoleActions} from './console-actions.js';
import {consoleDesk} from './console-desk.js';
import {diskActions} from './disk-actions.js';
import {editor} from './editor.js';
import {files} from './files.js';
import {graphActions} from './graph-actions.js';
import {machineActions} from './machine-actions.js';
import {manyMachines} from './many-machines.js';
import {networkActions} from './network-actions.js';
import {programActions} from './program-actions.js';
import {refusals} from './refusals.js';
import {session} from './session.js';
import {settings} from './settings.js';
import {speech} from './speech.js';
import {timelineActions} from './timeline-actions.js';
import {viewActions} from './view-actions.js';

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
  casts,
  consoleDesk,
  editor,
  files,
  manyMachines,
  refusals,
  session,
  settings,
  speech,
};
