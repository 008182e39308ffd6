import {Box} from 'ink';
import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {PlainText} from '../components/plain-text.js';
import {consoleNotice, type ScreenProps} from '../screen.js';
import {machineTitle} from '../state/presenters/machine.js';
import {questionNotice} from '../state/presenters/question.js';
import {selectedMachine} from '../state/selectors.js';
import {text} from '../text/text.js';

/** The console of one machine on the whole screen, below a line that says how to leave. */
export function FullscreenScreen({state}: ScreenProps): ReactElement {
  const machine = selectedMachine(state);
  const {columns} = state.size;
  const notice = questionNotice(state);
  return (
    <Box flexDirection="column" width={columns}>
      <Line
        width={columns}
        segments={[
          {text: ` ${machine ? machineTitle(machine, state.nowMs, state.boot) : ''} `, isInverse: true},
          {text: '  Ctrl-]', token: 'accent', isBold: true},
          notice === undefined
            ? {text: ` ${text.consoles.leaves}`, token: 'faint'}
            : {text: ` ${text.consoles.leadsTo(notice)}`, token: 'paused'},
        ]}
      />
      {consoleNotice(state, columns).map((line) => (
        <PlainText key={line} text={line} />
      ))}
    </Box>
  );
}
