import {plural} from './plural.js';

/** What is said to a person who types, pastes, scrolls and copies at a console. */
export const consoleDesk = {
  pasteTooLong: (most: string, name: string) =>
    `A paste may have ${most}; nothing of this one was typed. Copy it as a file: viv cp FILE ${name}:/root/`,
  copyTooLong: (size: string, most: string, name: string) =>
    `That is ${size}; a terminal's clipboard takes ${most}. All of it: viv logs ${name}`,
  nothingToCopy: 'There is nothing to copy there.',
  copied: (lines: number, size: string) => `Copied ${plural(lines, 'line', 'lines')} (${size}) to the clipboard.`,
  clipboardRefused: 'The guest tried to use the clipboard of your terminal; guests may not.',
  atTop: 'There is nothing further up.',
  notShown: 'This needs the console beside the list or on the whole screen; c shows it there.',
};
