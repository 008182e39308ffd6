import {Box, Text} from 'ink';
import type {ReactElement} from 'react';
import {Frame} from '../components/frame.js';
import {Line, type Segment} from '../components/line.js';
import {Tabs} from '../components/tabs.js';
import {consoleNotice, type ScreenProps} from '../screen.js';
import {type AppState, TABS} from '../state/model.js';
import {activityBadge} from '../state/presenters/lookback.js';
import {machineFooter, machineTitle} from '../state/presenters/machine.js';
import {networkLines} from '../state/presenters/network.js';
import {listHeading, type MachineRow, machineRow} from '../state/presenters/row.js';
import {timelineLines} from '../state/presenters/timeline.js';
import {formatTime} from '../state/presenters/units.js';
import {selectedMachine, visibleMachines} from '../state/selectors.js';
import {type Rect, stripControls} from '../terminal/cells.js';

const TAB_LABELS = TABS.map((tab) => (tab[0] ?? '').toUpperCase() + tab.slice(1));

/** The list of machines, and beside it the console, graphs, timeline, network or log of the highlighted one. */
export function FleetScreen(props: ScreenProps): ReactElement {
  const {list, pane} = props.layout;
  return (
    <Box>
      {list ? <MachineList {...props} rect={list} /> : null}
      {pane ? <MachinePane {...props} rect={pane} /> : null}
    </Box>
  );
}

function MachineList({state, sparkStyle, rect}: ScreenProps & {rect: Rect}): ReactElement {
  const width = rect.width - 2;
  const rows = Math.max(1, rect.height - 3);
  const visible = visibleMachines(state);
  const selected = selectedMachine(state);
  const index = visible.findIndex((machine) => machine.id === selected?.id);
  // The window moves only as far as it must, and starts with the selection in its middle.
  const first = Math.max(0, Math.min(index - Math.floor(rows / 2), visible.length - rows));
  const shown = visible
    .slice(first, first + rows)
    .map((machine) =>
      machineRow(
        machine,
        state.samples.get(machine.id) ?? [],
        machine.id === selected?.id,
        width,
        sparkStyle,
        activityBadge(state.console, machine.id),
      ),
    );
  const title = state.filter === '' ? 'Machines' : `Machines /${state.filter}`;
  const footer = visible.length > rows ? `${index + 1} of ${visible.length}` : '';
  return (
    <Frame width={rect.width} height={rect.height} title={title} footer={footer} isFocused={state.focus === 'list'}>
      <Line segments={[{text: listHeading(width), token: 'faint'}]} width={width} />
      {shown.map((row) => (
        <Row key={row.id} row={row} width={width} />
      ))}
      {visible.length === 0 ? <Text wrap="truncate"> No machine matches; Esc clears the filter.</Text> : null}
    </Frame>
  );
}

function Row({row, width}: {row: MachineRow; width: number}): ReactElement {
  const {isSelected} = row;
  return (
    <Line
      width={width}
      segments={[
        {text: row.name, isInverse: isSelected, isBold: isSelected},
        {text: row.state, token: row.stateToken, isInverse: isSelected},
        {text: row.spark, token: 'chartCpu', isInverse: isSelected},
        {text: row.numbers, isInverse: isSelected},
      ]}
    />
  );
}

/** What a tab shows as lines of text. */
function paneLines(state: AppState, width: number, height: number): readonly (readonly Segment[])[] {
  if (state.tab === 'timeline') return timelineLines(state, width);
  return state.tab === 'net' ? networkLines(state, width, height) : [];
}

function MachinePane({state, rect}: ScreenProps & {rect: Rect}): ReactElement {
  const machine = selectedMachine(state);
  const width = rect.width - 2;
  const title = machine ? machineTitle(machine, state.nowMs) : '';
  const footer = machine ? machineFooter(state.samples.get(machine.id) ?? []) : '';
  return (
    <Frame width={rect.width} height={rect.height} title={title} footer={footer} isFocused={state.focus === 'console'}>
      <Tabs labels={TAB_LABELS} active={TABS.indexOf(state.tab)} width={width} />
      {state.tab === 'console'
        ? consoleNotice(state, width).map((line) => (
            <Text key={line} wrap="truncate">
              {` ${line}`}
            </Text>
          ))
        : null}
      {machine
        ? paneLines(state, width, Math.max(1, rect.height - 3)).map((segments, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its place
            <Line key={row} width={width} segments={segments} />
          ))
        : null}
      {state.tab === 'log' && machine
        ? state.events
            .filter((event) => event.machineId === machine.id)
            .slice(-Math.max(1, rect.height - 3))
            .map((event) => (
              <Line
                key={event.seq}
                width={width}
                segments={[{text: ` ${formatTime(event.atMs)} `, token: 'faint'}, {text: stripControls(event.message)}]}
              />
            ))
        : null}
    </Frame>
  );
}
