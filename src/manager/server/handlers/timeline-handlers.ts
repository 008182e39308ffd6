/** Requests about timelines. */
import type {TimelineService} from '../../services/timeline.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function timelineHandlers(timeline: TimelineService) {
  return {
    timelineShow: async ({machine}) => ({timeline: await timeline.show(machine)}),
    timelineChange: async (params) => ({timeline: await timeline.change(params)}),
  } satisfies Handlers<'timelineShow' | 'timelineChange'>;
}
