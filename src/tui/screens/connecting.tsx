import {Box, Text} from 'ink';
import type {ReactElement} from 'react';
import {useColor} from '../components/theme-context.js';
import type {ScreenProps} from '../screen.js';

/** Shown until the fleet is known, and when the manager cannot be reached. */
export function ConnectingScreen({state}: ScreenProps): ReactElement {
  const color = useColor();
  const {message, hint} = state.connection;
  const isFailed = state.connection.state === 'closed' || message !== undefined;
  return (
    <Box
      width={state.size.columns}
      height={state.size.rows - 2}
      flexDirection="column"
      alignItems="center"
      justifyContent="center"
    >
      <Text bold={isFailed} {...color(isFailed ? 'failed' : 'text')}>
        {message ?? (isFailed ? 'The manager has ended.' : 'Starting the manager…')}
      </Text>
      <Text {...color('faint')}>{hint ?? (isFailed ? 'Press q, then run viv again.' : '')}</Text>
    </Box>
  );
}
