import type {ParamsInput, RequestType, ResultOf} from '../../manager/protocol/define.js';
import type {AppEvent} from '../state/events.js';
import type {KeyScope} from '../state/graphs.js';
import type {AppState} from '../state/model.js';
import type {ConsoleTools} from './console-tools.js';

/** What an action may use to do its work. */
export interface ActionContext {
  /** The state when the key was pressed. */
  readonly state: AppState;
  dispatch(event: AppEvent): void;
  request<Type extends RequestType>(type: Type, params: ParamsInput<Type>): Promise<ResultOf<Type>>;
  /** Shows a short message in the bottom line. */
  toast(text: string, tone?: 'info' | 'error'): void;
  /** Gives the keyboard to the console of the highlighted machine. */
  focusConsole(isFullscreen: boolean): void;
  readonly console: ConsoleTools;
  /** Runs viv with these arguments in the UI's place, and comes back when it has ended. */
  lendTerminal(args: readonly string[]): Promise<void>;
  /** The first-run choice: builds the image if needed, creates and starts a machine. */
  bootFirstMachine(): Promise<void>;
  /** Ends the TUI; machines go on. */
  quit(): void;
}

/** Groups of the help page, in its order; the catalogue has their titles. */
export const ACTION_GROUPS = [
  'Machines',
  'Console',
  'Marks',
  'Timeline',
  'Network',
  'Graphs',
  'Fleet view',
  'Disks',
  'Moving',
  'View',
  'Program',
] as const;

/**
 * Something a person can do with a key. The hint bar, the help page, the keymap file and the README's key table all
 * derive from these records.
 */
export interface Action {
  readonly id: string;
  /** Key names as the decoder gives them; rebindable by id. */
  readonly keys: readonly string[];
  /** Acts in this tab, or the fleet view, only, and there its keys are its own whatever they do elsewhere. */
  readonly tab?: KeyScope;
  readonly group: (typeof ACTION_GROUPS)[number];
  /**
   * Words and place in the hint bar; left out for what needs no reminder. What leads to all the others is pinned: it
   * stands in a bar too narrow for the rest as well.
   */
  readonly hint?: {readonly label: string; readonly rank: number; readonly isPinned?: boolean};
  /** One sentence for the help page. */
  readonly help: string;
  /** The command that does the same. */
  readonly command?: string;
  /** `true`, or the sentence that says why the key cannot act now. */
  isEnabled(state: AppState): true | string;
  run(context: ActionContext): void | Promise<void>;
}
