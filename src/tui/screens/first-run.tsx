import {Box} from 'ink';
import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {PlainText} from '../components/plain-text.js';
import type {ScreenProps} from '../screen.js';
import {jobFraction, jobLine, progressBar} from '../state/presenters/job.js';
import {text} from '../text/text.js';

const WIDTH = 64;

/** An empty fleet: one highlighted choice that Enter takes, then its progress. */
export function FirstRunScreen({state}: ScreenProps): ReactElement {
  const width = Math.min(WIDTH, state.size.columns - 2);
  const {stage, jobId, error, hint} = state.firstRun;
  const job = state.jobs.find((candidate) => candidate.id === jobId);
  return (
    <Box
      width={state.size.columns}
      height={state.size.rows - 2}
      flexDirection="column"
      alignItems="center"
      justifyContent="center"
    >
      <Box flexDirection="column" width={width}>
        <PlainText text={stage === 'idle' ? text.fleet.noMachine : text.firstRun.making} isBold />
        <PlainText text=" " />
        {stage === 'idle' ? (
          <>
            <Line
              width={width}
              segments={[
                {text: `▸ ${text.firstRun.boot('debian-mini')} `, isInverse: true, isBold: true},
                {text: `  ${text.firstRun.press}`, token: 'accent'},
              ]}
            />
            <PlainText text={` ${text.firstRun.about}`} token="faint" />
            <PlainText text={` ${text.firstRun.once}`} token="faint" />
          </>
        ) : (
          <>
            <PlainText
              text={stage === 'creating' ? text.machine.starting : job ? jobLine(job) : text.firstRun.looking}
            />
            <PlainText text={progressBar(stage === 'creating' ? 1 : job && jobFraction(job), width)} token="accent" />
            <PlainText text={stage === 'building' && jobId !== undefined ? text.firstRun.cancel : ' '} token="faint" />
          </>
        )}
        <PlainText text=" " />
        {error === undefined ? null : <PlainText text={error} token="failed" isWrapped />}
        {hint === undefined || hint === '' ? null : <PlainText text={hint} isWrapped />}
      </Box>
    </Box>
  );
}
