import {Box, Text} from 'ink';
import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {useColor} from '../components/theme-context.js';
import type {ScreenProps} from '../screen.js';
import {jobFraction, jobLine, progressBar} from '../state/presenters/job.js';

const WIDTH = 64;

/** An empty fleet: one highlighted choice that Enter takes, then its progress. */
export function FirstRunScreen({state}: ScreenProps): ReactElement {
  const color = useColor();
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
        <Text bold>{stage === 'idle' ? 'There is no machine yet.' : 'Making your first machine'}</Text>
        <Text> </Text>
        {stage === 'idle' ? (
          <>
            <Line
              width={width}
              segments={[
                {text: '▸ Boot debian-mini ', isInverse: true, isBold: true},
                {text: '  press Enter', token: 'accent'},
              ]}
            />
            <Text {...color('faint')}> a small Debian 13 for riscv64: its kernel and a shell, in seconds</Text>
            <Text {...color('faint')}> once; the first time its packages are downloaded</Text>
          </>
        ) : (
          <>
            <Text wrap="truncate">
              {stage === 'creating' ? 'Starting…' : job ? jobLine(job) : 'Looking for the image…'}
            </Text>
            <Text {...color('accent')}>{progressBar(stage === 'creating' ? 1 : job && jobFraction(job), width)}</Text>
            <Text {...color('faint')}>
              {stage === 'building' && jobId !== undefined ? 'Esc cancels and leaves nothing half-made' : ' '}
            </Text>
          </>
        )}
        <Text> </Text>
        {error === undefined ? null : <Text {...color('failed')}>{error}</Text>}
        {hint === undefined || hint === '' ? null : <Text>{hint}</Text>}
      </Box>
    </Box>
  );
}
