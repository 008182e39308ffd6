import {jobCancel} from '../../manager/protocol/job.js';
import type {Action} from '../keys/action.js';
import {listedJobs} from '../state/presenters/activity.js';
import {textInput} from '../state/text-input.js';

/** Shows jobs and events; run again while it is shown, it cancels the chosen job. */
export const activity: Action = {
  id: 'program.activity',
  keys: ['l'],
  group: 'Program',
  help: 'Show jobs, which can be cancelled, and what happened to all machines.',
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
    if (job === undefined) toast('There is no job to cancel.', 'error');
    else if (job.state !== 'running') toast(`${job.subject}: the job has ended already.`, 'error');
    else {
      await request(jobCancel, {jobId: job.id});
      toast(`${job.subject}: cancelled.`);
    }
  },
};
