import type {ConsoleTools} from '../keys/console-tools.js';
import {text} from '../text/text.js';
import type {ConsoleToolsParts} from './console-tools.js';
import {filesOf} from './console-tools.js';

/** What of the front end that tells lines tools for consoles need. */
export interface SpokenConsoleParts extends ConsoleToolsParts {
  tell(line: string): void;
  toast(text: string, tone?: 'info' | 'error'): void;
}

/** What actions get to work on consoles with where none is drawn. What would go to the clipboard is told. */
export function spokenConsoleTools(parts: SpokenConsoleParts): ConsoleTools {
  const notDrawn = () => parts.toast(text.speech.noConsoles, 'error');
  return {
    ...filesOf(parts),
    scrollPages: notDrawn,
    lookBack: notDrawn,
    stopLooking: () => undefined,
    handleLookback: () => undefined,
    mouse: () => undefined,
    type: () => undefined,
    copy: (copied) => {
      if (copied === '') parts.toast(text.consoleDesk.nothingToCopy, 'error');
      else for (const line of copied.split('\n')) parts.tell(line);
    },
  };
}
