import {watchedScreen} from '../casts/watched-console.js';
import type {ConsoleTools} from '../keys/console-tools.js';
import {writeScreenshot} from '../pictures/screenshot.js';
import type {Backend} from './backend.js';
import type {ConsoleDesk} from './console-desk.js';
import type {Recordings} from './recordings.js';

/** What tools for consoles work with, however those are shown. */
export interface ConsoleToolsParts {
  readonly recordings: Recordings;
  readonly openConsole: Backend['openConsole'];
}

/** What actions get to work on consoles with. */
export function consoleToolsOf(desk: ConsoleDesk, parts: ConsoleToolsParts): ConsoleTools {
  return {
    ...filesOf(parts),
    scrollPages: (pages) => desk.scrollPages(pages),
    lookBack: (isSearch) => desk.lookBack(isSearch),
    stopLooking: () => desk.stopLooking(),
    handleLookback: (event) => desk.handleLookback(event),
    mouse: (event) => desk.mouse(event),
    copy: (text) => desk.copy(text),
    type: (bytes) => desk.type(bytes),
  };
}

/** What needs no console on the screen. */
export function filesOf({
  recordings,
  openConsole,
}: ConsoleToolsParts): Pick<ConsoleTools, 'record' | 'stopRecording' | 'screenshot' | 'screenText'> {
  return {
    record: (machine, path) => recordings.start(machine, path),
    stopRecording: (machineId) => recordings.stop(machineId),
    screenshot: async (machine, path) => {
      using screen = await watchedScreen(openConsole, machine.id);
      await writeScreenshot(screen, path, true);
    },
    screenText: async (machine) => {
      using screen = await watchedScreen(openConsole, machine.id);
      return screen.text.join('\n').trimEnd();
    },
  };
}
