import {Box} from 'ink';
import type {ReactElement} from 'react';
import {PlainText} from '../components/plain-text.js';
import type {ScreenProps} from '../screen.js';
import {text} from '../text/text.js';

/** Shown until the fleet is known, and when the manager cannot be reached. */
export function ConnectingScreen({state}: ScreenProps): ReactElement {
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
      <PlainText
        text={message ?? (isFailed ? text.manager.ended : text.manager.starting)}
        token={isFailed ? 'failed' : 'text'}
        isBold={isFailed}
      />
      <PlainText text={hint ?? (isFailed ? text.manager.again : '')} token="faint" />
    </Box>
  );
}
