/**
 * Composition root of the TUI: terminal, input, state, link to the manager, painters. Everything made here is
 * disposed here, in reverse order, however the TUI ends.
 */
import {constants} from 'node:os';
import {PassThrough} from 'node:stream';
import type {ReadStream, WriteStream} from 'node:tty';
import type {ConsoleSessionOptions} from '../../manager/client.js';
import type {ParamsInput, RequestType, ResultOf} from '../../manager/protocol/define.js';
import {snapshotScreen} from '../../manager/protocol/snapshot.js';
import * as actionRegistry from '../actions/registry.js';
import type {ActionContext} from '../keys/action.js';
import {rebind} from '../keys/keymap.js';
import {overlayRect} from '../screen.js';
import type {AppEvent} from '../state/events.js';
import {LIST_ONLY_COLUMNS} from '../state/layout.js';
import {layoutOf, wallMachines} from '../state/list.js';
import {type AppState, initialState} from '../state/model.js';
import {hasNetwork} from '../state/network.js';
import {TIMELINE_HEAD_ROWS} from '../state/presenters/timeline.js';
import {chosenPoint, countInStates, selectedMachine} from '../state/selectors.js';
import {Store} from '../state/store.js';
import {Compositor, type Painter, type Scene} from '../terminal/compositor.js';
import {detectAscii, detectColorDepth, HostTerminal} from '../terminal/host-terminal.js';
import type {MouseEvent} from '../terminal/key-decoder.js';
import {StdinRouter} from '../terminal/stdin-router.js';
import type {Backend, ConsoleHandle} from './backend.js';
import {ConsoleDesk, consoleRect} from './console-desk.js';
import {consoleToolsOf} from './console-tools.js';
import {ConsoleView} from './console-view.js';
import {DiskWatch} from './disk-watch.js';
import {bootFirstMachine} from './first-run.js';
import {FleetLink} from './fleet-link.js';
import {FleetPane} from './fleet-pane.js';
import {graphStyle} from './graph-style.js';
import {GraphsPane} from './graphs-pane.js';
import {describeError, InputController} from './input-controller.js';
import {TerminalLender} from './lent-terminal.js';
import {lookbackCursor, paintLookback} from './lookback-painter.js';
import {MouseController} from './mouse-controller.js';
import {NetworkWatch} from './network-watch.js';
import {PointView} from './point-view.js';
import {PreferenceWriter, readPreferences, withPreferences} from './preferences.js';
import {Recordings} from './recordings.js';
import {renderInk} from './render-ink.js';
import {themeOf} from './root.js';
import {loadSettings, settingsFolder} from './settings.js';
import {WallView, wallScene} from './wall-view.js';

const TOAST_MS = 5000;
const SLOW_CONNECT_MS = 8000;
const RENDER_FPS = 30;

/** Where the TUI runs and what it talks to. */
export interface TuiOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly env: NodeJS.ProcessEnv;
  connect(): Promise<Backend>;
}

/** Runs the TUI until the person leaves. Resolves with the exit status. */
export async function runTui(options: TuiOptions): Promise<number> {
  const {input, output, env} = options;
  const {keys, ownTheme, problems} = loadSettings(env, Object.values(actionRegistry));
  const actions = rebind(Object.values(actionRegistry), keys);
  const isAscii = detectAscii(env);
  const sparkStyle = graphStyle(env, isAscii);
  const size = () => ({columns: output.columns || 80, rows: output.rows || 24});
  const ended = Promise.withResolvers<number>();
  await using stack = new AsyncDisposableStack();

  const hasOwnTheme = ownTheme !== undefined;
  const usual = {...initialState(size(), Date.now()), hasOwnTheme, ...(hasOwnTheme ? {theme: 'own' as const} : {})};
  const store = stack.use(new Store(withPreferences(usual, readPreferences(settingsFolder(env)))));
  const preferences = stack.use(
    new PreferenceWriter(settingsFolder(env), store.getState(), (error) => toast(describeError(error), 'error')),
  );
  let backend: Backend | undefined;
  let link: FleetLink | undefined;
  let networkWatch: NetworkWatch | undefined;
  let diskWatch: DiskWatch | undefined;

  const dispatch = (event: AppEvent): void => {
    store.dispatch(event);
    sync();
  };
  const host = stack.use(
    new HostTerminal(input, output, onResize, (signal) => ended.resolve(128 + constants.signals[signal])),
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
  let isOver = false;
  const lender = new TerminalLender(input, output, {host, compositor, router: () => router, isEnded: () => isOver});
  const painted = {
    style: sparkStyle,
    changed: () => compositor.requestFrame(),
    themeOf: (state: AppState) => themeOf(state, ownTheme),
  };
  const graphs = stack.use(new GraphsPane(painted));
  const fleetPane = new FleetPane(painted);
  const consoleView = stack.use(
    new ConsoleView(openConsole, {
      changed: () => {
        followGuest();
        compositor.requestFrame();
      },
      failed: (error) => consoleFailed(error),
      printed: (machineId) => desk.printed(machineId),
      clipboardRefused: () => desk.clipboardRefused(),
    }),
  );
  const wallView = stack.use(
    new WallView(openConsole, {
      changed: () => {
        followGuest();
        compositor.requestFrame();
      },
      failed: (error) => consoleFailed(error),
      clipboardRefused: () => desk.clipboardRefused(),
    }),
  );
  const clicked = (event: MouseEvent) => controller.handle(event);
  const tools = {dispatch, toast, tellTerminal, clicked};
  const desk = new ConsoleDesk({view: activeConsole, env, getState: store.getState, ...tools});
  const recordings = stack.use(new Recordings(openConsole, {tell: (news) => dispatch({type: 'console', news}), toast}));
  const mouse = new MouseController(actions);
  const pointView = stack.use(
    new PointView(({machineId, pointId}) => request(snapshotScreen, {machine: machineId, snapshot: pointId}), {
      changed: () => compositor.requestFrame(),
      failed: (error) => consoleFailed(error),
    }),
  );
  const consoleTools = consoleToolsOf(desk, recordings, openConsole);
  const controller = new InputController(actions, context, (event, _, controls) =>
    mouse.handle(event, context(), controls),
  );
  const router = stack.use(new StdinRouter(input, (event) => controller.handle(event)));

  let watchedAtMs: number | undefined;
  let shownConsoleState = store.getState().console;
  let toastId = 0;
  let toastTimer: NodeJS.Timeout | undefined;
  stack.defer(() => clearTimeout(toastTimer));

  function toast(text: string, tone: 'info' | 'error' = 'info'): void {
    const id = ++toastId;
    clearTimeout(toastTimer);
    dispatch({type: 'toasted', toast: {id, tone, text}});
    toastTimer = setTimeout(() => dispatch({type: 'toastExpired', id}), TOAST_MS);
  }

  function openConsole(wanted: ConsoleSessionOptions): Promise<ConsoleHandle> {
    if (!backend) return Promise.reject(new Error('a console was opened before the manager was connected'));
    return backend.openConsole(wanted);
  }

  function tellTerminal(sequence: string): void {
    host.send(sequence);
  }

  function request<Type extends RequestType>(type: Type, params: ParamsInput<Type>): Promise<ResultOf<Type>> {
    if (!backend) return Promise.reject(new Error('The manager is still starting; try again in a moment.'));
    return backend.client.request(type, params);
  }

  function context(): ActionContext {
    const self: ActionContext = {
      state: store.getState(),
      dispatch,
      request,
      toast,
      focusConsole: (isFullscreen) => {
        const {size, arrangement} = store.getState();
        const isNarrow = size.columns < LIST_ONLY_COLUMNS || arrangement === 'list';
        dispatch({type: 'tabChosen', tab: 'console'});
        dispatch({type: 'focusMoved', focus: isFullscreen || isNarrow ? 'fullscreen' : 'console'});
      },
      console: consoleTools,
      lendTerminal: (args) => lender.lend(args),
      bootFirstMachine: () => bootFirstMachine(self),
      quit: () => ended.resolve(0),
    };
    return self;
  }

  function onResize(): void {
    const {columns, rows} = size();
    compositor.resize(columns, rows);
    dispatch({type: 'resized', size: {columns, rows}});
  }

  function consoleFailed(error: unknown): void {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Keys typed while a machine starts or stops have nobody to read them; its state is on the screen.
    if (code === 'wrong-state' || code === 'viewer-not-found' || code === 'keyboard-taken') return;
    if (backend?.client.state === 'connected') toast(describeError(error), 'error');
  }

  // Brings everything that is not React in line with the state; runs after every event.
  function sync(): void {
    const state = store.getState();
    const layout = layoutOf(state);
    const machine = selectedMachine(state);
    const isConsole = state.focus !== 'list';
    const isWall = layout.wall.length > 0;
    const hasConsoleKeys = isConsole && !state.overlay && state.console.lookback?.mode !== 'copy';
    const isShown = layout.content !== undefined && (state.tab === 'console' || isConsole);
    wallView.update(
      backend && isWall ? wallMachines(state).map(({id}) => id) : [],
      isConsole ? machine?.id : undefined,
    );
    const size = layout.content && {columns: layout.content.width, rows: layout.content.height};
    if (backend && (isShown || machine === undefined))
      consoleView.update({machineId: machine?.id, size, hasKeyboard: isConsole});
    if (hasConsoleKeys && !router.isConsole) router.enterConsole(desk);
    else if (!hasConsoleKeys && router.isConsole) router.leaveConsole();
    desk.sync();
    if (state.console !== shownConsoleState) compositor.requestFrame();
    shownConsoleState = state.console;
    preferences.follow(state);
    followGuest();
    const point = state.tab === 'timeline' ? chosenPoint(state) : undefined;
    link?.followTimeline(state.tab === 'timeline' ? machine?.id : undefined);
    pointView.update(machine && point && {machineId: machine.id, pointId: point.id});
    const isWatched = state.tab === 'net' && state.connection.state === 'connected';
    networkWatch?.follow(machine && isWatched && hasNetwork(machine.state) ? machine.id : undefined);
    if (isWatched && state.host?.atMs !== watchedAtMs) {
      watchedAtMs = state.host?.atMs;
      networkWatch?.refresh();
    }
    diskWatch?.follow(machine && state.tab === 'disks' ? machine : undefined, state.host?.atMs);
    if (machine && link) link.loadHistory(machine.id).catch((error: unknown) => toast(describeError(error), 'error'));
    graphs.update(state, layout.content);
    fleetPane.update(state);
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
    const state = store.getState();
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
  input.once('end', () => ended.resolve(0));
  // A terminal that went away cannot be told anything more.
  output.on('error', () => ended.resolve(1));
  const inkInput = new PassThrough();
  const ink = await renderInk({store, ownTheme, actions, sparkStyle}, compositor.sink, inkInput);
  stack.defer(() => ink.unmount());
  ink.failed.catch((error: unknown) => ended.reject(error));

  const [problem] = problems;
  if (problem !== undefined)
    toast(problems.length === 1 ? problem : `${problem} (${problems.length - 1} more)`, 'error');

  const connecting = options.connect().then(async (connected) => {
    backend = connected;
    stack.use(connected.client);
    link = stack.use(
      new FleetLink(connected.client, store.getState, dispatch, (error) => toast(describeError(error), 'error'), toast),
    );
    graphs.connect(connected.client, dispatch);
    networkWatch = stack.use(new NetworkWatch(connected.client, dispatch));
    diskWatch = new DiskWatch(connected.client, dispatch, (error) => toast(describeError(error), 'error'));
    await link.start();
  });
  const slow = setTimeout(() => {
    const message = 'The manager takes long to answer.';
    const hint = 'Wait, or leave with q; viv doctor and the daemon log say more.';
    dispatch({type: 'connectionChanged', connection: {state: 'connecting', message, hint}});
  }, SLOW_CONNECT_MS);
  stack.defer(() => clearTimeout(slow));
  connecting
    .finally(() => clearTimeout(slow))
    .catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const hint = error instanceof Error && 'hint' in error ? String(error.hint) : '';
      dispatch({type: 'connectionChanged', connection: {state: 'closed', message, hint}});
    });
  const status = await ended.promise.finally(() => {
    isOver = true;
  });
  const recorded = await recordings.endAll();
  host.leave();
  for (const sentence of recorded) output.write(`${sentence}\n`);
  const left = countInStates(store.getState(), 'running', 'paused', 'starting');
  if (status === 0 && left > 0)
    output.write(
      `${left} ${left === 1 ? 'machine keeps' : 'machines keep'} running; viv shows ${left === 1 ? 'it' : 'them'} again.\n`,
    );
  return status;
}
