import {imageBuild, imageList} from '../../manager/protocol/image.js';
import {jobWait} from '../../manager/protocol/job.js';
import {machineCreate, machineStart} from '../../manager/protocol/machine.js';
import type {ActionContext} from '../keys/action.js';
import {text} from '../text/text.js';

/** The image the first-run screen offers. */
export const FIRST_IMAGE = 'debian-mini';

/**
 * The one choice of the first-run screen: builds the image when it is not there, creates a machine of it, starts it and
 * gives it the keyboard. Progress and failure go into the state; pressing Enter twice starts it once.
 */
export async function bootFirstMachine(context: ActionContext): Promise<void> {
  const {dispatch, request} = context;
  if (context.state.firstRun.stage !== 'idle') return;
  dispatch({type: 'firstRunMoved', firstRun: {stage: 'building'}});
  try {
    const {images} = await request(imageList, {});
    if (images.find((image) => image.name === FIRST_IMAGE)?.state !== 'ready' && !(await buildImage(context))) return;
    dispatch({type: 'firstRunMoved', firstRun: {stage: 'creating'}});
    const {machine} = await request(machineCreate, {boot: {kind: 'image', image: FIRST_IMAGE}});
    dispatch({type: 'machineSelected', id: machine.id});
    const started = request(machineStart, {machine: machine.id});
    context.focusConsole(false);
    await started;
    dispatch({type: 'firstRunMoved', firstRun: {stage: 'idle'}});
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    const hint = thrown instanceof Error && 'hint' in thrown ? String(thrown.hint) : '';
    dispatch({type: 'firstRunMoved', firstRun: {stage: 'idle', error, hint}});
  }
}

async function buildImage({dispatch, request}: ActionContext): Promise<boolean> {
  const {job} = await request(imageBuild, {image: FIRST_IMAGE});
  dispatch({type: 'jobChanged', job});
  dispatch({type: 'firstRunMoved', firstRun: {stage: 'building', jobId: job.id}});
  const ended = (await request(jobWait, {jobId: job.id})).job;
  dispatch({type: 'jobChanged', job: ended});
  if (ended.state === 'done') return true;
  const failure = ended.error
    ? {error: ended.error.message, hint: ended.error.hint}
    : {error: text.session.buildCancelled};
  dispatch({type: 'firstRunMoved', firstRun: {stage: 'idle', ...failure}});
  return false;
}
