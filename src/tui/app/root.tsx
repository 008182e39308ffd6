import {Box} from 'ink';
import {type ReactElement, useLayoutEffect, useSyncExternalStore} from 'react';
import {HintBar} from '../components/hint-bar.js';
import {Line} from '../components/line.js';
import {ThemeContext} from '../components/theme-context.js';
import type {SparkStyle} from '../graphs/sparkline.js';
import type {Action} from '../keys/action.js';
import {type Hint, hintsFor} from '../keys/hints.js';
import type {ScreenProps} from '../screen.js';
import {
  ActivityScreen,
  ConfirmScreen,
  ConnectingScreen,
  ConsoleDialogScreen,
  CopyMenuScreen,
  FirstRunScreen,
  FleetScreen,
  FleetViewScreen,
  FormScreen,
  FullscreenScreen,
  HelpScreen,
  MachineFormScreen,
  MenuScreen,
  PaletteScreen,
  QuestionScreen,
  WallScreen,
} from '../screens/registry.js';
import {parseFilter} from '../state/filter.js';
import {isFleetInSight} from '../state/graphs.js';
import {layoutOf} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {headerLine} from '../state/presenters/header.js';
import {questionNotice} from '../state/presenters/question.js';
import {isFirstRun} from '../state/selectors.js';
import type {Store} from '../state/store.js';
import {text} from '../text/text.js';
import {chosenTheme, type Theme} from '../theme.js';

/** What the root component is made with. */
export interface RootProps {
  readonly store: Store;
  /** The person's own theme, if there is one. */
  readonly ownTheme: Theme | undefined;
  readonly actions: readonly Action[];
  readonly sparkStyle: SparkStyle;
}

const CONSOLE_HINTS: readonly Hint[] = [
  {key: 'Ctrl-]', label: text.session.consoleHints.leave},
  {key: 'Enter ~ ?', label: text.session.consoleHints.chords},
  {key: 'Shift-PgUp', label: text.session.consoleHints.scroll},
];

/** Everything Ink draws: header, the screen, hints, overlays. */
export function Root({store, ownTheme, actions, sparkStyle}: RootProps): ReactElement {
  const state = useSyncExternalStore(store.subscribe, store.getState);
  useLayoutEffect(() => store.drew(state), [store, state]);
  const layout = layoutOf(state);
  const props: ScreenProps = {state, layout, actions, sparkStyle};
  return (
    <ThemeContext value={chosenTheme(state.theme, ownTheme)}>
      <Box flexDirection="column" width={state.size.columns} height={state.size.rows} overflow="hidden">
        {state.focus === 'fullscreen' ? <FullscreenScreen {...props} /> : <Framed {...props} />}
        <HelpScreen {...props} />
        <ActivityScreen {...props} />
        <ConfirmScreen {...props} />
        <FormScreen {...props} />
        <MachineFormScreen {...props} />
        <ConsoleDialogScreen {...props} />
        <PaletteScreen {...props} />
        <MenuScreen {...props} />
        <CopyMenuScreen {...props} />
        <QuestionScreen {...props} />
      </Box>
    </ThemeContext>
  );
}

function Framed(props: ScreenProps): ReactElement {
  const {state} = props;
  return (
    <>
      <Line
        width={state.size.columns}
        segments={[{text: ' vivarium', token: 'accent', isBold: true}, {text: `  ${headerLine(state)}`}]}
      />
      <Body {...props} />
      <BottomLine {...props} />
    </>
  );
}

function Body(props: ScreenProps): ReactElement {
  const {state} = props;
  if (isFleetInSight(state)) return <FleetViewScreen {...props} />;
  if (state.machines.length > 0)
    return props.layout.wall.length > 0 ? <WallScreen {...props} /> : <FleetScreen {...props} />;
  return isFirstRun(state) ? <FirstRunScreen {...props} /> : <ConnectingScreen {...props} />;
}

function BottomLine({state, actions}: ScreenProps): ReactElement {
  const width = state.size.columns;
  const problem = state.isFilterOpen ? parseFilter(state.filter).problem : undefined;
  if (state.isFilterOpen)
    return (
      <Line
        width={width}
        segments={[
          {text: ' /', token: 'accent', isBold: true},
          {text: state.filter},
          {text: ' ', isInverse: true},
          problem === undefined
            ? {text: `  ${text.session.filterKeys}`, token: 'faint'}
            : {text: `  ${problem}`, token: 'failed'},
        ]}
      />
    );
  if (state.toast) return <Toast state={state} width={width} />;
  // Its keys stand in its own line.
  if (state.console.lookback?.mode === 'copy') return <HintBar hints={[]} width={width} />;
  const notice = state.focus === 'console' ? questionNotice(state) : undefined;
  if (notice !== undefined)
    return <Line width={width} segments={[{text: ` ${text.session.questionWaits(notice)}`, token: 'paused'}]} />;
  return <HintBar hints={state.focus === 'console' ? CONSOLE_HINTS : hintsFor(state, actions, width)} width={width} />;
}

function Toast({state, width}: {state: AppState; width: number}): ReactElement {
  const toast = state.toast;
  const token = toast?.tone === 'error' ? 'failed' : 'accent';
  return <Line width={width} segments={[{text: ` ${toast?.text ?? ''}`, token, isBold: true}]} />;
}
