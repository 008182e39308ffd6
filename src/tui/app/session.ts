/**
 * A person's session, whatever shows it: the state, the link to the manager and what follows the state there, messages, and
 * what actions work with. What shows it is told of every event and gives the actions what only it can do.
 */
import type {ConsoleSessionOptions} from '../../manager/client.js';
import type {ParamsInput, RequestType, ResultOf} from '../../manager/protocol/define.js';
import * as actionRegistry from '../actions/registry.js';
import type {Action, ActionContext} from '../keys/action.js';
import {rebind} from '../keys/keymap.js';
import type {AppEvent} from '../state/events.js';
import {type AppState, initialState, type ScreenSize} from '../state/model.js';
import {hasNetwork} from '../state/network.js';
import {countInStates, selectedMachine} from '../state/selectors.js';
import {Store} from '../state/store.js';
import {text} from '../text/text.js';
import type {Theme} from '../theme.js';
import type {Backend, ConsoleHandle, FleetClient} from './backend.js';
import {DiskWatch} from './disk-watch.js';
import {bootFirstMachine} from './first-run.js';
import {FleetLink} from './fleet-link.js';
import {describeError} from './input-controller.js';
import {NetworkWatch} from './network-watch.js';
import {PreferenceWriter, readPreferences, withPreferences} from './preferences.js';
import {loadSettings, settingsFolder} from './settings.js';

const TOAST_MS = 5000;
const SLOW_CONNECT_MS = 8000;

/** What shows the session. */
export interface SessionShow extends Pick<ActionContext, 'console' | 'focusConsole' | 'lendTerminal'> {
  /** Brings what is shown in line with the state; runs after every event. */
  sync(state: AppState): void;
  /** The manager is there. */
  connected(client: FleetClient): void;
}

/** See the module. */
export class Session implements AsyncDisposable {
  readonly store: Store;
  readonly actions: readonly Action[];
  /** The person's own theme, if there is one. */
  readonly ownTheme: Theme | undefined;
  readonly #problems: readonly string[];
  readonly #preferences: PreferenceWriter;
  readonly #ended = Promise.withResolvers<number>();
  readonly #links = new AsyncDisposableStack();
  #show: SessionShow | undefined;
  #backend: Backend | undefined;
  #link: FleetLink | undefined;
  #networkWatch: NetworkWatch | undefined;
  #diskWatch: DiskWatch | undefined;
  #watchedAtMs: number | undefined;
  #toastId = 0;
  #toastTimer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(env: NodeJS.ProcessEnv, size: ScreenSize) {
    const {keys, ownTheme, problems} = loadSettings(env, Object.values(actionRegistry));
    this.actions = rebind(Object.values(actionRegistry), keys);
    this.ownTheme = ownTheme;
    this.#problems = problems;
    const hasOwnTheme = ownTheme !== undefined;
    const usual = {...initialState(size, Date.now()), hasOwnTheme, ...(hasOwnTheme ? {theme: 'own' as const} : {})};
    this.store = new Store(withPreferences(usual, readPreferences(settingsFolder(env))));
    this.#preferences = new PreferenceWriter(settingsFolder(env), this.store.getState(), this.failed);
  }

  /** Resolves with the exit status when the person leaves. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** The person has left. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** There is a manager to ask. */
  get hasBackend(): boolean {
    return this.#backend !== undefined;
  }

  /** Says what shows the session from now on. */
  showOn(show: SessionShow): void {
    this.#show = show;
  }

  /** Ends the session with an exit status. */
  readonly end = (status: number): void => {
    this.#isOver = true;
    this.#ended.resolve(status);
  };

  /** Ends the session by a fault of the program. */
  readonly break = (error: unknown): void => {
    this.#isOver = true;
    this.#ended.reject(error);
  };

  /** Applies an event, and what follows from it. */
  readonly dispatch = (event: AppEvent): void => {
    this.store.dispatch(event);
    this.#show?.sync(this.store.getState());
    this.#follow();
  };

  /** Shows a short message. */
  readonly toast = (message: string, tone: 'info' | 'error' = 'info'): void => {
    const id = ++this.#toastId;
    clearTimeout(this.#toastTimer);
    this.dispatch({type: 'toasted', toast: {id, tone, text: message}});
    this.#toastTimer = setTimeout(() => this.dispatch({type: 'toastExpired', id}), TOAST_MS);
  };

  /** Tells that something failed. */
  readonly failed = (error: unknown): void => this.toast(describeError(error), 'error');

  /** Tells that something about a console failed, when that is news to anybody. */
  readonly consoleFailed = (error: unknown): void => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Keys typed while a machine starts or stops have nobody to read them; its state is on the screen.
    if (code === 'wrong-state' || code === 'viewer-not-found' || code === 'keyboard-taken') return;
    if (this.#backend?.client.state === 'connected') this.failed(error);
  };

  /** Opens a console once the manager is there. */
  readonly openConsole = (wanted: ConsoleSessionOptions): Promise<ConsoleHandle> => {
    if (!this.#backend) return Promise.reject(new Error('a console was opened before the manager was connected'));
    return this.#backend.openConsole(wanted);
  };

  /** Asks the manager. */
  readonly request = <Type extends RequestType>(type: Type, params: ParamsInput<Type>): Promise<ResultOf<Type>> => {
    if (!this.#backend) return Promise.reject(new Error(text.session.stillStarting));
    return this.#backend.client.request(type, params);
  };

  /** What an action gets to work with now. Errors: throws while nothing shows the session */
  readonly context = (): ActionContext => {
    const show = this.#show;
    if (!show) throw new Error('an action was run before anything showed the session');
    const self: ActionContext = {
      state: this.store.getState(),
      dispatch: this.dispatch,
      request: this.request,
      toast: this.toast,
      focusConsole: (isFullscreen) => show.focusConsole(isFullscreen),
      console: show.console,
      lendTerminal: (args) => show.lendTerminal(args),
      bootFirstMachine: () => bootFirstMachine(self),
      quit: () => this.end(0),
    };
    return self;
  };

  /** Tells what is wrong in the person's own settings. */
  tellProblems(): void {
    const [problem] = this.#problems;
    if (problem === undefined) return;
    const more = this.#problems.length - 1;
    this.toast(more === 0 ? problem : text.settings.more(problem, more), 'error');
  }

  /** Connects and follows the fleet; what goes wrong is in the state. To be disposed before what shows consoles. */
  connect(connect: () => Promise<Backend>): AsyncDisposable {
    const slow = setTimeout(() => {
      const {slow: message, slowHint: hint} = text.session;
      this.dispatch({type: 'connectionChanged', connection: {state: 'connecting', message, hint}});
    }, SLOW_CONNECT_MS);
    this.#links.defer(() => clearTimeout(slow));
    connect()
      .then((backend) => this.#begin(backend))
      .finally(() => clearTimeout(slow))
      .catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        const hint = error instanceof Error && 'hint' in error ? String(error.hint) : '';
        this.dispatch({type: 'connectionChanged', connection: {state: 'closed', message, hint}});
      });
    return this.#links;
  }

  /** What is said at the end: machines keep running. Empty when none does. */
  get farewell(): string {
    const left = countInStates(this.store.getState(), 'running', 'paused', 'starting');
    return left === 0 ? '' : text.session.farewell(left);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#links.disposeAsync();
    clearTimeout(this.#toastTimer);
    await this.#preferences[Symbol.asyncDispose]();
    this.store[Symbol.dispose]();
  }

  async #begin(backend: Backend): Promise<void> {
    const {client} = backend;
    this.#backend = backend;
    this.#links.use(client);
    this.#link = this.#links.use(
      new FleetLink(client, this.store.getState, this.dispatch, this.failed, (message) => this.toast(message)),
    );
    this.#show?.connected(client);
    this.#networkWatch = this.#links.use(new NetworkWatch(client, this.dispatch));
    this.#diskWatch = new DiskWatch(client, this.dispatch, this.failed);
    await this.#link.start();
  }

  /** Asks the manager for what the state needs now. */
  #follow(): void {
    const state = this.store.getState();
    const machine = selectedMachine(state);
    this.#preferences.follow(state);
    this.#link?.followTimeline(state.tab === 'timeline' ? machine?.id : undefined);
    const isWatched = state.tab === 'net' && state.connection.state === 'connected';
    this.#networkWatch?.follow(machine && isWatched && hasNetwork(machine.state) ? machine.id : undefined);
    if (isWatched && state.host?.atMs !== this.#watchedAtMs) {
      this.#watchedAtMs = state.host?.atMs;
      this.#networkWatch?.refresh();
    }
    this.#diskWatch?.follow(machine && state.tab === 'disks' ? machine : undefined, state.host?.atMs);
    if (machine) this.#link?.loadHistory(machine.id).catch(this.failed);
  }
}
