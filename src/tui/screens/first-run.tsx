import {Box} from 'ink';
import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {PlainText} from '../components/plain-text.js';
import type {ScreenProps} from '../screen.js';
import {jobFraction, jobLine, progressBar} from '../state/presenters/job.js';

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
        <PlainText text={stage === 'idle' ? 'There is no machine yet.' : 'Making your first machine'} isBold />
        <PlainText text=" " />
        {stage === 'idle' ? (
          <>
            <Line
              width={width}
              segments={[
                {text: '▸ Boot debian-mini ', isInverse: true, isBold: true},
                {text: '  press Enter', token: 'accent'},
              ]}
            />
            <PlainText text=" a small Debian 13 for riscv64: its kernel and a shell, in seconds" token="faint" />
            <PlainText text=" once; the first time its packages are downloaded" token="faint" />
          </>
        ) : (
          <>
            <PlainText text={stage === 'creating' ? 'Starting…' : job ? jobLine(job) : 'Looking for the image…'} />
            <PlainText text={progressBar(stage === 'creating' ? 1 : job && jobFraction(job), width)} token="accent" />
            <PlainText
              text={stage === 'building' && jobId !== undefined ? 'Esc cancels and leaves nothing half-made' : ' '}
              token="faint"
            />
          </>
        )}
        <PlainText text=" " />
        {error === undefined ? null : <PlainText text={error} token="failed" isWrapped />}
        {hint === undefined || hint === '' ? null : <PlainText text={hint} isWrapped />}
      </Box>
    </Box>
  );
}
