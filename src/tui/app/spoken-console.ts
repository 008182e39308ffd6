import type {ConsoleTools} from '../keys/console-tools.js';
import type {ConsoleToolsParts} from './console-tools.js';
import {filesOf} from './console-tools.js';

/** What of the front end that tells lines tools for consoles need. */
export interface SpokenConsoleParts extends ConsoleToolsParts {
  tell(line: string): void;
  toast(text: string, tone?: 'info' | 'error'): void;
}

/** What actions get to work on consoles with where none is drawn. What would go to the clipboard is told. */
export function spokenConsoleTools(parts: SpokenConsoleParts): ConsoleTools {
  const notDrawn = () => {
    const instead = 'y tells what one shows, Enter leads into it, and viv logs NAME has all that it printed.';
    parts.toast(`Consoles are not drawn here: ${instead}`, 'error');
  };
  return {
    ...filesOf(parts),
    scrollPages: notDrawn,
    lookBack: notDrawn,
    stopLooking: () => undefined,
    handleLookback: () => undefined,
    mouse: () => undefined,
    type: () => undefined,
    copy: (text) => {
      if (text === '') parts.toast('There is nothing to copy there.', 'error');
      else for (const line of text.split('\n')) parts.tell(line);
    },
  };
}
