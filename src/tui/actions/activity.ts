import {jobCancel} from '../../manager/protocol/job.js';
import type {Action} from '../keys/action.js';
import {listedJobs} from '../state/presenters/activity.js';
import {textInput} from '../state/text-input.js';
import {text} from '../text/text.js';

/** Shows jobs and events; run again while it is shown, it cancels the chosen job. */
export const activity: Action = {
  id: 'program.activity',
  keys: ['l'],
  group: 'Program',
  help: text.actions.activity.help,
  command: 'viv logs',
  isEnabled: () => true,
  run: async ({state, dispatch, request, toast}) => {
    const {overlay} = state;
    if (overlay?.kind !== 'activity') {
      const shown = {kind: 'activity', chosen: 0, scroll: 0, filter: textInput(), isFiltering: false} as const;
      dispatch({type: 'overlayShown', overlay: shown});
      return;
    }
    const job = listedJobs(state)[overlay.chosen];
    if (job === undefined) toast(text.actions.activity.refusals.none, 'error');
    else if (job.state !== 'running') toast(text.actions.activity.refusals.ended(job.subject), 'error');
    else {
      await request(jobCancel, {jobId: job.id});
      toast(text.actions.activity.cancelled(job.subject));
    }
  },
};
