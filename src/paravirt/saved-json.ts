/** What devices keep in saved states: JSON that may come from anywhere. `what` is whose it is: "a console". */
import {ParavirtError} from './error.js';

/** Errors: ParavirtError `corrupt` for what is no JSON */
export function parseSaved(saved: string, what: string): unknown {
  try {
    return JSON.parse(saved);
  } catch {
    throw corruptSaved(what);
  }
}

/** The error for JSON that says something else than it should. */
export function corruptSaved(what: string): ParavirtError {
  return new ParavirtError('corrupt', `The saved state of ${what} makes no sense.`, 'Use another snapshot.');
}
