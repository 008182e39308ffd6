import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {eventSegments, jobSegments, listedJobs, matchingEvents} from '../state/presenters/activity.js';
import {text} from '../text/text.js';

/** Rows that jobs take at most; the rest is for events. */
const MAX_JOB_ROWS = 6;

/** Jobs with their progress, and what happened in the fleet. */
export function ActivityScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'activity') return null;
  const {chosen, scroll, filter, isFiltering} = state.overlay;
  const width = rect.width - 2;
  const jobs = listedJobs(state);
  const first = Math.max(0, Math.min(chosen - MAX_JOB_ROWS + 1, jobs.length - MAX_JOB_ROWS));
  const shownJobs = jobs.slice(first, first + MAX_JOB_ROWS);
  const events = matchingEvents(state.events, filter.text);
  const rows = Math.max(1, rect.height - 4 - Math.max(1, shownJobs.length));
  const last = Math.max(0, events.length - Math.min(scroll, Math.max(0, events.length - rows)));
  const shown = events.slice(Math.max(0, last - rows), last);
  const footer = isFiltering ? text.activity.filterFooter : text.activity.footer;
  return (
    <OverlayBox rect={rect} title={text.activity.title} footer={footer}>
      {jobs.length === 0 ? (
        <Line width={width} segments={[{text: `   ${text.activity.noJob}`, token: 'faint'}]} />
      ) : null}
      {shownJobs.map((job, index) => (
        <Line key={job.id} width={width} segments={jobSegments(job, first + index === chosen, width)} />
      ))}
      <Line
        width={width}
        segments={[
          {text: ` ${text.activity.events} `, token: 'accent', isBold: true},
          ...(filter.text !== '' || isFiltering ? [{text: `/${filter.text}`}] : []),
          ...(isFiltering ? [{text: ' ', isInverse: true}] : []),
          {text: `  ${events.length}`, token: 'faint'},
        ]}
      />
      {shown.map((event) => (
        <Line key={event.seq} width={width} segments={eventSegments(event)} />
      ))}
    </OverlayBox>
  );
}
