/**
 * What the terminal UI says, in the language in force. A translation is a folder beside `english/` whose catalogue has
 * the type `Text`, so that the compiler finds what it lacks; a message with values in it is a function, so that another
 * language may order and inflect them as it must.
 *
 * Not here: names of keys, commands, options, units and protocols, which are the same in every language, and what the
 * daemon says, which arrives as sentences of its own.
 */
import {english} from './english/english.js';

/** The shape that a catalogue of any language has. */
export type Text = typeof english;

/** Read when something is shown, never copied where a module loads but into records. */
export const text: Text = english;
