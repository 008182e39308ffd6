/**
 * Composition root of the TUI: terminal, input, painters over a session. Everything made here is disposed here, in reverse
 * order, however the TUI ends.
 */
import {constants} from 'node:os';
import {PassThrough} from 'node:stream';
import type {ReadStream, WriteStream} from 'node:tty';
import {snapshotScreen} from '../../manager/protocol/snapshot.js';
import {overlayRect} from '../screen.js';
import {isFleetInSight} from '../state/graphs.js';
import {LIST_ONLY_COLUMNS} from '../state/layout.js';
import {layoutOf, wallMachines} from '../state/list.js';
import type {AppState} from '../state/model.js';
import {TIMELINE_HEAD_ROWS} from '../state/presenters/timeline.js';
import {chosenPoint, selectedMachine} from '../state/selectors.js';
import type {Store} from '../state/store.js';
import {Compositor, type Painter, type Scene} from '../terminal/compositor.js';
import {detectAscii, detectColorDepth, HostTerminal} from '../terminal/host-terminal.js';
import type {MouseEvent} from '../terminal/key-decoder.js';
import {StdinRouter} from '../terminal/stdin-router.js';
import {chosenTheme} from '../theme.js';
import type {Backend} from './backend.js';
import {BootWatch} from './boot-watch.js';
import {ConsoleDesk, consoleRect} from './console-desk.js';
import {consoleToolsOf} from './console-tools.js';
import {ConsoleView} from './console-view.js';
import {FleetPane} from './fleet-pane.js';
import {graphStyle} from './graph-style.js';
import {GraphsPane} from './graphs-pane.js';
import {InputController} from './input-controller.js';
import {TerminalLender} from './lent-terminal.js';
import {livePainters} from './live-numbers.js';
import {lookbackCursor, paintLookback} from './lookback-painter.js';
import {MouseController} from './mouse-controller.js';
import {PointView} from './point-view.js';
import {Recordings} from './recordings.js';
import {renderInk} from './render-ink.js';
import {Session} from './session.js';
import {WallView, wallScene} from './wall-view.js';

const RENDER_FPS = 30;

/** Where the UI runs and what it talks to. */
export interface TuiOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly env: NodeJS.ProcessEnv;
  connect(): Promise<Backend>;
}

/** Runs the TUI until the person leaves. Resolves with the exit status. */
export async function runTui(options: TuiOptions): Promise<number> {
  const {input, output, env} = options;
  const isAscii = detectAscii(env);
  const sparkStyle = graphStyle(env, isAscii);
  const size = () => ({columns: output.columns || 80, rows: output.rows || 24});
  await using stack = new AsyncDisposableStack();

  const session = stack.use(new Session(env, size()));
  const {store, actions, ownTheme, dispatch, toast, openConsole, consoleFailed} = session;
  const host = stack.use(
    new HostTerminal(input, output, onResize, (signal) => session.end(128 + constants.signals[signal])),
  );
  const compositor = stack.use(
    new Compositor({
      output,
      ...size(),
      profile: {depth: detectColorDepth(env), isAscii},
      scene,
      maxFps: RENDER_FPS,
    }),
  );
  const lender = new TerminalLender(input, output, {
    host,
    output: {
      hold: () => compositor.hold(),
      release: () => {
        compositor.release();
        // The window may have another size by now.
        onResize();
      },
    },
    router: () => router,
    isEnded: () => session.isOver,
  });
  const painted = {
    style: sparkStyle,
    changed: () => compositor.requestFrame(),
    themeOf: (state: AppState) => chosenTheme(state.theme, ownTheme),
  };
  const graphs = stack.use(new GraphsPane(painted));
  const fleetPane = new FleetPane(painted);
  const consoleView = stack.use(
    new ConsoleView(openConsole, {
      changed: consoleChanged,
      failed: consoleFailed,
      printed: (machineId) => desk.printed(machineId),
      clipboardRefused: () => desk.clipboardRefused(),
    }),
  );
  const wallView = stack.use(
    new WallView(openConsole, {
      changed: consoleChanged,
      failed: consoleFailed,
      clipboardRefused: () => desk.clipboardRefused(),
    }),
  );
  const clicked = (event: MouseEvent) => controller.handle(event);
  const tools = {dispatch, toast, tellTerminal: (sequence: string) => host.send(sequence), clicked};
  const desk = new ConsoleDesk({view: activeConsole, env, getState: store.getState, ...tools});
  const boots = stack.use(
    new BootWatch({
      lines: (machineId) => activeConsole().screenOf(machineId)?.text,
      ...{getState: store.getState, dispatch},
    }),
  );
  const recordings = stack.use(new Recordings(openConsole, {tell: (news) => dispatch({type: 'console', news}), toast}));
  const mouse = new MouseController(actions);
  const pointView = stack.use(
    new PointView(({machineId, pointId}) => session.request(snapshotScreen, {machine: machineId, snapshot: pointId}), {
      changed: () => compositor.requestFrame(),
      failed: consoleFailed,
    }),
  );
  const {context} = session;
  const controller = new InputController(actions, context, (event, _, controls) =>
    mouse.handle(event, context(), controls),
  );
  const router = stack.use(
    new StdinRouter(input, (event) => {
      controller.handle(event);
      // What a key did is shown at once, whatever else is going on.
      store.hurry();
      compositor.hurry();
    }),
  );
  let shownConsoleState = store.getState().console;
  session.showOn({
    sync,
    connected: (client) => graphs.connect(client, dispatch),
    console: consoleToolsOf(desk, {recordings, openConsole}),
    lendTerminal: (args) => lender.lend(args),
    focusConsole: (isFullscreen) => {
      const {size, arrangement} = store.getState();
      const isNarrow = size.columns < LIST_ONLY_COLUMNS || arrangement === 'list';
      dispatch({type: 'tabChosen', tab: 'console'});
      dispatch({type: 'focusMoved', focus: isFullscreen || isNarrow ? 'fullscreen' : 'console'});
    },
  });

  function consoleChanged(): void {
    followGuest();
    compositor.requestFrame();
    boots.printed();
  }

  function onResize(): void {
    const {columns, rows} = size();
    const known = store.getState().size;
    if (columns === known.columns && rows === known.rows) {
      compositor.invalidate();
      return;
    }
    compositor.resize(columns, rows);
    dispatch({type: 'resized', size: {columns, rows}});
  }

  // Brings everything that is not React in line with the state.
  let shownHost = store.getState().host;
  function sync(state: AppState): void {
    // Numbers are painted, at the pace of the samples.
    if (state.host !== shownHost) {
      shownHost = state.host;
      compositor.requestFrame();
    }
    const layout = layoutOf(state);
    const machine = selectedMachine(state);
    const isConsole = state.focus !== 'list';
    const isWall = layout.wall.length > 0;
    const hasConsoleKeys = isConsole && !state.overlay && state.console.lookback?.mode !== 'copy';
    const isShown = layout.content !== undefined && (state.tab === 'console' || isConsole);
    wallView.update(
      session.hasBackend && isWall ? wallMachines(state).map(({id}) => id) : [],
      isConsole ? machine?.id : undefined,
    );
    const size = layout.content && {columns: layout.content.width, rows: layout.content.height};
    if (session.hasBackend && (isShown || machine === undefined))
      consoleView.update({machineId: machine?.id, size, hasKeyboard: isConsole});
    if (hasConsoleKeys && !router.isConsole) router.enterConsole(desk);
    else if (!hasConsoleKeys && router.isConsole) router.leaveConsole();
    desk.sync();
    if (state.console !== shownConsoleState) compositor.requestFrame();
    shownConsoleState = state.console;
    followGuest();
    const point = state.tab === 'timeline' ? chosenPoint(state) : undefined;
    pointView.update(machine && point && {machineId: machine.id, pointId: point.id});
    graphs.update(state, layout.content);
    fleetPane.update(state);
    boots.follow(machine);
  }

  /** Whoever has the keyboard when a console has it. */
  function activeConsole(): ConsoleView {
    const state = store.getState();
    const onWall = layoutOf(state).wall.length > 0 ? wallView.viewOf(selectedMachine(state)?.id) : undefined;
    return onWall ?? consoleView;
  }

  function followGuest(): void {
    const modes = router.isConsole ? activeConsole().screen?.modes : undefined;
    host.followModes(modes);
    host.followMouse(store.getState().isMouseOn, modes?.mouse === 'any');
  }

  function scene(): Scene {
    const state = store.getShown();
    const shown = paneScene(state);
    if (state.machines.length === 0 || isFleetInSight(state)) return shown;
    const look = {sparkStyle, theme: chosenTheme(state.theme, ownTheme)};
    return {...shown, painters: [...livePainters(state, layoutOf(state), look), ...shown.painters]};
  }

  function paneScene(state: AppState): Scene {
    const {content, wall} = layoutOf(state);
    const overlay = overlayRect(state, actions);
    const overlays = overlay ? [overlay] : [];
    const fleetPainters = fleetPane.painters(state);
    if (fleetPainters.length > 0) return {painters: fleetPainters, overlays, cursor: undefined};
    const machine = selectedMachine(state);
    if (wall.length > 0) return {...wallScene(state, wall, wallView, overlays.length > 0), overlays};
    if (!content || !machine) return {painters: [], overlays, cursor: undefined};
    const isConsole = state.focus === 'fullscreen' || state.tab === 'console';
    if (!isConsole) {
      const painters: Painter[] = state.tab === 'graphs' ? [graphs.painter(content)] : [];
      const picture = state.tab === 'timeline' && chosenPoint(state) ? pointView.screen : undefined;
      if (picture && content.height > TIMELINE_HEAD_ROWS) {
        const height = content.height - TIMELINE_HEAD_ROWS;
        const rect = {...content, y: content.y + TIMELINE_HEAD_ROWS, height};
        painters.push({rect, paint: (grid, target) => picture.paint(grid, target)});
      }
      return {painters, overlays, cursor: undefined};
    }
    const screen = consoleView.screen;
    if (!screen) return {painters: [], overlays, cursor: undefined};
    const rect = consoleRect(state) ?? content;
    const {lookback} = state.console;
    if (lookback?.machineId === machine.id) {
      const painter: Painter = {rect, paint: (grid, target) => paintLookback(lookback, grid, target)};
      return {painters: [painter], overlays, cursor: overlay ? undefined : lookbackCursor(lookback, rect)};
    }
    const at = state.focus === 'list' || overlay ? undefined : screen.cursorIn(rect.height);
    const isInside = at && at.x < rect.width && at.y < rect.height;
    return {
      painters: [{rect, paint: (grid, target) => screen.paint(grid, target)}],
      overlays,
      cursor: isInside ? {x: rect.x + at.x, y: rect.y + at.y} : undefined,
    };
  }

  host.enter();
  input.once('end', () => session.end(0));
  // A terminal that went away cannot be told anything more.
  output.on('error', () => session.end(1));
  // The fleet is on its way while Ink is loaded.
  stack.use(session.connect(options.connect));
  const inkInput = new PassThrough();
  const ink = await renderInk({store, ownTheme, actions, sparkStyle}, compositor.sink, inkInput, () =>
    fleetKnown(store),
  );
  stack.defer(() => ink.unmount());
  ink.failed.catch(session.break);

  session.tellProblems();
  const status = await session.ended;
  const recorded = await recordings.endAll();
  host.leave();
  for (const sentence of recorded) output.write(`${sentence}\n`);
  if (status === 0 && session.farewell !== '') output.write(`${session.farewell}\n`);
  return status;
}

/** A fleet that is known by then is in the first frame; drawing one without it before takes as long as this. */
const FLEET_PATIENCE_MS = 80;

async function fleetKnown(store: Store): Promise<void> {
  const known = Promise.withResolvers<void>();
  const look = () => {
    if (store.getState().connection.state !== 'connecting') known.resolve();
  };
  const leave = store.subscribe(look);
  const timer = setTimeout(known.resolve, FLEET_PATIENCE_MS);
  look();
  await known.promise;
  clearTimeout(timer);
  leave();
}
