/** The manual page, in roff, from the definitions of commands and the records of keys. */

import type {Action} from '../keys/action.js';
import {helpLines} from '../keys/hints.js';
import {allCommands, type CommandNode} from './command-tree.js';

/** Text as roff takes it: no escape, no request at the beginning of a line, dashes that can be copied. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[\u0080-\uffff]/g, (char) => `\\[u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`)
    .replaceAll('"', '\\[dq]')
    .replace(/^([.'])/gm, '\\&$1');
}

function commandLines({path, description, options, arguments: given, commands}: CommandNode): readonly string[] {
  const usage = ['viv', path, ...(options.length > 1 ? ['[options]'] : []), ...given.map((one) => one.usage)];
  const entries = [
    ...given.map(({usage: words, description: what}) => [`\\fI${roff(words)}\\fR`, what] as const),
    // `--help` is said once.
    ...options
      .filter(({names}) => !names.includes('--help'))
      .map((one) => [`\\fB${roff(one.flags)}\\fR`, one.description] as const),
  ];
  return [
    `.SS ${roff(usage.filter((word) => word !== '').join(' '))}`,
    roff(`${description}${commands.length > 0 ? ', by the commands below' : ''}.`),
    ...entries.flatMap(([term, what]) => ['.TP', term, roff(what)]),
  ];
}

function keyLines(actions: readonly Action[]): readonly string[] {
  return helpLines(actions).flatMap((line) =>
    line.kind === 'heading'
      ? [`.SS ${roff(line.text)}`]
      : line.keys === ''
        ? []
        : [
            '.TP',
            `\\fB${roff(line.keys)}\\fR`,
            roff(line.command === '' ? line.help : `${line.help} (${line.command})`),
          ],
  );
}

/** Commands, options and keys, as `man` shows them. */
export function manPage(tree: CommandNode, actions: readonly Action[], version: string): string {
  const lines = [
    `.TH VIV 1 "" "viv ${roff(version)}" "User Commands"`,
    '.SH NAME',
    'viv \\- a terminal home for virtual machines',
    '.SH SYNOPSIS',
    '.B viv',
    '.br',
    '.B viv',
    '.I command',
    '[options] [arguments]',
    '.SH DESCRIPTION',
    roff(tree.description),
    '.SH OPTIONS',
    ...tree.options.flatMap(({flags, description}) => ['.TP', `\\fB${roff(flags)}\\fR`, roff(description)]),
    '.SH COMMANDS',
    'Every command takes \\-h or \\-\\-help.',
    ...allCommands(tree).slice(1).flatMap(commandLines),
    '.SH KEYS',
    'In the terminal UI. They can be bound otherwise in keymap.json in ~/.config/vivarium.',
    ...keyLines(actions),
    '.SH FILES',
    '.TP',
    '~/.local/share/vivarium',
    'Machines, images and settings; VIVARIUM_HOME names another folder.',
    '.TP',
    '~/.config/vivarium',
    'keymap.json and theme.json of the terminal UI.',
    '.SH ENVIRONMENT',
    'VIVARIUM_HOME, VIVARIUM_RUNTIME, VISUAL, EDITOR, NO_COLOR.',
    '.SH EXIT STATUS',
    '0, 1 after an error, 2 after wrong usage, 130 after Ctrl\\-C; viv run and viv exec pass that of the guest on.',
  ];
  return `${lines.join('\n')}\n`;
}
