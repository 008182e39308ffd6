import {jobCancel} from '../../manager/protocol/job.js';
import type {Action} from '../keys/action.js';
import {text} from '../text/text.js';

/**
 * Esc: peels off one layer: what is looked back at, a running first-run build, then the toast, the marks, the filter, the
 * wall or zoom.
 */
export const close: Action = {
  id: 'view.close',
  keys: ['esc'],
  group: 'View',
  help: text.actions.close.help,
  isEnabled: () => true,
  run: async ({state, dispatch, request, console}) => {
    if (state.console.lookback) return console.stopLooking();
    if (state.firstRun.stage === 'building' && state.firstRun.jobId !== undefined) {
      await request(jobCancel, {jobId: state.firstRun.jobId});
      return;
    }
    if (state.toast) dispatch({type: 'toastExpired', id: state.toast.id});
    else if (state.list.marks.size > 0) dispatch({type: 'listChanged', changes: {marks: new Set()}});
    else if (state.filter !== '') dispatch({type: 'filterClosed', isKept: false});
    else if (state.arrangement !== 'split') dispatch({type: 'arranged', arrangement: 'split'});
  },
};
