import {programActions} from './program-actions.js';

/** The English catalogue: one member a place of the UI, each in a file of its own. */
export const english = {
  actions: {...programActions},
};
