import type {Machine} from '../../manager/protocol/machine.js';
import type {InputEvent, MouseEvent} from '../terminal/key-decoder.js';

/** What actions and dialogs can do with the console that is on the screen, and with recordings of others. */
export interface ConsoleTools {
  /** Scrolls back by pages, or with a positive number forward. */
  scrollPages(pages: number): void;
  /** Opens copy mode, with the search line when `isSearch`. */
  lookBack(isSearch: boolean): void;
  /** Goes back to what the guest prints now. */
  stopLooking(): void;
  /** A key, a paste or the wheel in copy mode. */
  handleLookback(event: InputEvent): void;
  /** The mouse, anywhere on the screen. */
  mouse(event: MouseEvent): void;
  /** Puts a text into the clipboard of the person's terminal. */
  copy(text: string): void;
  /** Types bytes into the guest. */
  type(bytes: Uint8Array): void;
  /** Records a console into a new file from now on. Resolves when it has begun. Errors: those of the file */
  record(machine: Machine, path: string): Promise<void>;
  /** Ends a recording. */
  stopRecording(machineId: string): Promise<void>;
  /** What a console shows as text, blank lines at its end cut. Errors: machine-not-found */
  screenText(machine: Machine): Promise<string>;
  /** Writes what a console shows into a file, as a picture when its name ends in `.png`. Errors: those of the file */
  screenshot(machine: Machine, path: string): Promise<void>;
}
