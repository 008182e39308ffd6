/** What commands, options and arguments there are, read from the definitions that parse them. */
import type {Argument, Command, Option} from 'commander';
import {tierSchema} from '../../manager/protocol/machine.js';
import {NETWORK_CHOICES} from '../state/machine-fields.js';

/** What a word on the command line is, as far as it can be completed: names of something, a file, or one of some words. */
export type WordKind = 'machine' | 'image' | 'file' | 'none' | readonly string[];

/** An option. `value` says what follows it; one without a value takes none. */
export interface OptionNode {
  readonly flags: string;
  /** As `-m`, `--memory`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly value: WordKind | undefined;
}

/** An argument; the last one may be repeated. */
export interface ArgumentNode {
  /** As in a usage line: `<name>`, `[tags...]`. */
  readonly usage: string;
  readonly description: string;
  readonly kind: WordKind;
  readonly isRepeated: boolean;
}

/** A command with those below it. `path` is empty for the program itself, `net forward` for a command of a command. */
export interface CommandNode {
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionNode[];
  readonly arguments: readonly ArgumentNode[];
  readonly commands: readonly CommandNode[];
}

/** Reads a program's definitions; what is hidden from its help is left out. */
export function commandTree(command: Command, path = ''): CommandNode {
  const help = command.createHelp();
  // The program and its groups have the command `help` besides the option.
  const commands = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  return {
    path,
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    arguments: command.registeredArguments.map(argumentNode),
    commands: commands.map((one) => commandTree(one, path === '' ? one.name() : `${path} ${one.name()}`)),
  };
}

/** A tree's commands from the first to the last, each before those below it. */
export function allCommands(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.commands.flatMap(allCommands)];
}

/** Values of options whose parsers take more than a list of words. */
const VALUES_OF: Readonly<Record<string, readonly string[]>> = {
  '--tier': tierSchema.options,
  '--network': NETWORK_CHOICES,
};

function optionNode(option: Option): OptionNode {
  const names = [option.short, option.long].filter((name) => name !== undefined && name !== null);
  const takesValue = option.required || option.optional;
  const kind =
    VALUES_OF[option.long ?? ''] ??
    kindOf(/[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? '', option.description, option.argChoices);
  return {flags: option.flags, names, description: option.description, value: takesValue ? kind : undefined};
}

function argumentNode(argument: Argument): ArgumentNode {
  const name = argument.name();
  const shown = argument.variadic ? `${name}...` : name;
  return {
    usage: argument.required ? `<${shown}>` : `[${shown}]`,
    description: argument.description,
    kind: kindOf(name, argument.description, argument.argChoices),
    isRepeated: argument.variadic,
  };
}

/** By the words that the definitions use throughout: a test says which they are. */
function kindOf(name: string, description: string, choices: readonly string[] | undefined): WordKind {
  if (choices !== undefined) return choices;
  if (/^machines?\b/.test(description)) return 'machine';
  if (name === 'image' && /^image\b/.test(description)) return 'image';
  return /\b(file|folder|from|to)\b/.test(name) ? 'file' : 'none';
}
