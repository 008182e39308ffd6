import {Box} from 'ink';
import type {ReactElement} from 'react';
import {Frame} from '../components/frame.js';
import type {ScreenProps} from '../screen.js';
import {selectedRow, wallMachines} from '../state/list.js';
import {machineTitle} from '../state/presenters/machine.js';
import {text} from '../text/text.js';

/** Frames of the consoles on the wall; what is in them is painted. */
export function WallScreen({state, layout}: ScreenProps): ReactElement {
  const machines = wallMachines(state);
  const selectedId = selectedRow(state)?.id;
  return (
    <Box height={state.size.rows - 2} width={state.size.columns}>
      {layout.wall.map((rect, index) => {
        const machine = machines[index];
        const isSelected = machine?.id === selectedId;
        return (
          <Box key={machine?.id ?? index} position="absolute" marginLeft={rect.x} marginTop={rect.y - 1}>
            <Frame
              width={rect.width}
              height={rect.height}
              title={machine ? `${isSelected ? '▸ ' : ''}${machineTitle(machine, state.nowMs, state.boot)}` : ''}
              footer={
                isSelected ? (state.focus === 'console' ? text.consoles.wall.leave : text.consoles.wall.type) : ''
              }
              isFocused={isSelected}
            />
          </Box>
        );
      })}
    </Box>
  );
}
