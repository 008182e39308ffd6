/** Completion for fish: one line for each command, option and argument. */
import {allCommands, type CommandNode, type OptionNode, type WordKind} from '../command-tree.js';

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function candidates(kind: WordKind): string {
  if (typeof kind !== 'string') return ` -a ${quote(kind.join(' '))}`;
  switch (kind) {
    case 'machine':
    case 'image':
      return ` -a ${quote(`(__viv_names ${kind})`)}`;
    case 'file':
      return ' -F';
    case 'none':
      return '';
  }
}

function optionLine(path: string, {names, description, value}: OptionNode): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const takes = value === undefined ? '' : `${value === 'file' ? ' -r' : ' -x'}${candidates(value)}`;
  return `complete -c viv -n ${quote(`__viv_at ${quote(path)}`)} ${flags.join(' ')}${takes} -d ${quote(description)}`;
}

function linesOf({path, options, arguments: given, commands}: CommandNode): readonly string[] {
  const at = `complete -c viv -n ${quote(`__viv_at ${quote(path)}`)}`;
  const below = commands.map(({name, description}) => `${at} -a ${name} -d ${quote(description)}`);
  // Which of several arguments it is cannot be told from fish's conditions alone; names before files.
  const kinds = [...new Set(given.map(({kind}) => kind).filter((kind) => kind !== 'none'))];
  return [...below, ...kinds.map((kind) => `${at}${candidates(kind)}`), ...options.map((one) => optionLine(path, one))];
}

/** The script. Commands and options are in it; only names of machines and images are asked for. */
export function fishCompletion(tree: CommandNode): string {
  const all = allCommands(tree);
  const paths = all.map(({path}) => path).filter((path) => path !== '');
  return `# Completion of viv for fish, made by: viv completion fish

set -g __viv_paths ${paths.map(quote).join(' ')}

# The command that the line is in, by the words that are no options.
function __viv_path
    set -l path ''
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; and continue
        set -l longer (string trim -- "$path $word")
        contains -- $longer $__viv_paths; or break
        set path $longer
    end
    echo $path
end

function __viv_at
    test (__viv_path) = "$argv[1]"
end

function __viv_names
    set -l words (commandline -opc)
    $words[1] __complete $argv[1] 2>/dev/null </dev/null
end

complete -c viv -f
${all.flatMap(linesOf).join('\n')}
`;
}
