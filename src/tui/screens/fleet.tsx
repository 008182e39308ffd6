import {Box} from 'ink';
import type {ReactElement} from 'react';
import {Frame} from '../components/frame.js';
import {Line, type Segment} from '../components/line.js';
import {PlainText} from '../components/plain-text.js';
import {Tabs} from '../components/tabs.js';
import {consoleNotice, listHeight, type ScreenProps} from '../screen.js';
import {firstListRow, type ListRow, listRows, markedMachines, selectedRow} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {configLines} from '../state/presenters/config.js';
import {diskLines} from '../state/presenters/disks.js';
import {machineFooter, machineTitle} from '../state/presenters/machine.js';
import {networkLines} from '../state/presenters/network.js';
import {listedRow, listHeading, type MachineRow} from '../state/presenters/row.js';
import {timelineLines} from '../state/presenters/timeline.js';
import {formatTime} from '../state/presenters/units.js';
import {noMachine, selectedMachine} from '../state/selectors.js';
import type {Rect} from '../terminal/cells.js';
import {fitCells} from '../terminal/char-width.js';
import {visibleText} from '../terminal/visible-text.js';
import {text} from '../text/text.js';
import type {ThemeToken} from '../theme.js';

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
  const {list} = text.fleet;
  const width = rect.width - 2;
  const height = listHeight(rect);
  const rows = listRows(state);
  const selectedId = selectedRow(state)?.id;
  const first = firstListRow(state, height);
  const markedCount = markedMachines(state).length;
  const title = [state.filter === '' ? list.title : `${list.title} /${state.filter}`];
  if (markedCount > 0) title.push(list.marked(markedCount));
  const index = rows.findIndex(({id}) => id === selectedId);
  const footer = rows.length > height ? text.words.of(index + 1, rows.length) : '';
  return (
    <Frame
      width={rect.width}
      height={rect.height}
      title={title.join(' · ')}
      footer={footer}
      isFocused={state.focus === 'list'}
    >
      <Line segments={[{text: listHeading(width, state.list), token: 'faint'}]} width={width} />
      {rows.slice(first, first + height).map((row) => {
        const isSelected = row.id === selectedId;
        if (row.kind === 'group')
          return <Line key={row.id} width={width} segments={groupSegments(row, isSelected, width)} />;
        return <Row key={row.id} row={listedRow(state, row.machine, width, sparkStyle)} width={width} />;
      })}
      {rows.length === 0 ? <PlainText text={` ${list.noMatch}`} /> : null}
    </Frame>
  );
}

function groupSegments(row: Extract<ListRow, {kind: 'group'}>, isSelected: boolean, width: number): Segment[] {
  const running = row.machines.filter(({state}) => state === 'running').length;
  const told = text.fleet.list.group(visibleText(row.name), running, row.machines.length);
  const line = `${isSelected ? '▸' : ' '}${row.isFolded ? '+' : '-'} ${told}`;
  return [{text: fitCells(line, width), token: 'accent', isBold: true, isInverse: isSelected}];
}

function Row({row, width}: {row: MachineRow; width: number}): ReactElement {
  const {isSelected} = row;
  // The highlight is one bar: colours that are turned over would make patches of it.
  const inColor = (token: ThemeToken) => (isSelected ? {isInverse: true} : {token});
  return (
    <Line
      width={width}
      segments={[
        {text: row.name, isInverse: isSelected, isBold: isSelected || row.isMarked},
        {text: row.asks, ...inColor('paused'), isBold: true},
        {text: row.state, ...inColor(row.stateToken)},
        {text: row.spark, ...inColor('chartCpu')},
        {text: row.numbers, isInverse: isSelected},
      ]}
    />
  );
}

/** What a tab shows as lines of text. */
function paneLines(state: AppState, width: number, height: number): readonly (readonly Segment[])[] {
  if (state.tab === 'timeline') return timelineLines(state, width);
  if (state.tab === 'disks') return diskLines(state, width, height);
  if (state.tab === 'config') return configLines(state, width, height);
  return state.tab === 'net' ? networkLines(state, width, height) : [];
}

function MachinePane({state, rect}: ScreenProps & {rect: Rect}): ReactElement {
  const machine = selectedMachine(state);
  const width = rect.width - 2;
  const title = machine ? machineTitle(machine, state.nowMs, state.boot) : '';
  const footer = machine ? machineFooter(machine, state.samples.get(machine.id) ?? []) : '';
  return (
    <Frame width={rect.width} height={rect.height} title={title} footer={footer} isFocused={state.focus === 'console'}>
      <Tabs active={state.tab} width={width} />
      {machine ? null : <PlainText text={` ${noMachine(state)}`} />}
      {state.tab === 'console'
        ? consoleNotice(state, width).map((line) => <PlainText key={line} text={` ${line}`} />)
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
                segments={[{text: ` ${formatTime(event.atMs)} `, token: 'faint'}, {text: visibleText(event.message)}]}
              />
            ))
        : null}
    </Frame>
  );
}
