import {jobCancel} from '../../manager/protocol/job.js';
import type {Action} from '../keys/action.js';

/** Esc: peels off one layer: a running first-run build, what is looked back at, then the filter, then the toast. */
export const close: Action = {
  id: 'view.close',
  keys: ['esc'],
  group: 'View',
  help: 'Close what lies on top: dialog, filter, message; cancels a build on the first screen.',
  isEnabled: () => true,
  run: async ({state, dispatch, request, console}) => {
    if (state.console.lookback) return console.stopLooking();
    if (state.firstRun.stage === 'building' && state.firstRun.jobId !== undefined) {
      await request(jobCancel, {jobId: state.firstRun.jobId});
      return;
    }
    if (state.filter !== '') dispatch({type: 'filterClosed', isKept: false});
    else if (state.toast) dispatch({type: 'toastExpired', id: state.toast.id});
  },
};
