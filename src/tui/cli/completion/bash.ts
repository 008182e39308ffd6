/** Completion for bash; zsh takes it as well, through its bashcompinit. */
import {allCommands, type CommandNode, type WordKind} from '../command-tree.js';

/** A word that needs no quotes within single ones: names are made of letters, digits, dots and dashes. */
function kindWord(kind: WordKind): string {
  return typeof kind === 'string' ? kind : kind.join('|');
}

function arm({path, options, arguments: given, commands}: CommandNode): string {
  const names = options.flatMap((option) => option.names);
  const valued = options.flatMap(({names: all, value}) =>
    value === undefined ? [] : all.map((name) => `${name}=${kindWord(value)}`),
  );
  const kinds = given.map(({kind, isRepeated}) => `${kindWord(kind)}${isRepeated ? '+' : ''}`);
  const below = commands.map(({name}) => name);
  return [
    `    '${path}')`,
    `      below='${below.join(' ')}'`,
    `      flags='${names.join(' ')}'`,
    `      valued=' ${valued.join(' ')} '`,
    `      kinds='${kinds.join(' ')}' ;;`,
  ].join('\n');
}

/**
 * The script. Commands and options are in it; only names of machines and images are asked for. Its variables are none of zsh's
 * own, as `path` and `options` are: with `path` emptied zsh finds no program.
 */
export function bashCompletion(tree: CommandNode): string {
  return `# Completion of viv for bash, made by: viv completion bash

_viv_command() {
  case "$1" in
${allCommands(tree).map(arm).join('\n')}
    *) return 1 ;;
  esac
}

_viv() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" at='' word='' pending='' only='' kind='' choices='' i=1 count=0
  local below='' flags='' valued='' kinds=''
  COMPREPLY=()
  _viv_command ''
  while [ "$i" -lt "$COMP_CWORD" ]; do
    word="\${COMP_WORDS[i]}"
    i=$((i + 1))
    if [ -n "$pending" ]; then
      [ "$word" = '=' ] || pending=''
    elif [ -n "$only" ]; then
      count=$((count + 1))
    elif [ "$word" = '--' ]; then
      only=1
    elif [[ "$word" == -* ]]; then
      if [[ "$valued" == *" $word="* ]]; then
        pending="\${valued#* $word=}"
        pending="\${pending%% *}"
      fi
    elif [ "$count" -eq 0 ] && [[ " $below " == *" $word "* ]]; then
      at="\${at:+$at }$word"
      _viv_command "$at"
    else
      count=$((count + 1))
    fi
  done
  [ "$cur" = '=' ] && cur=''
  if [ -n "$pending" ]; then
    kind="$pending"
  elif [[ "$cur" == -* ]] && [ -z "$only" ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    return 0
  elif [ "$count" -eq 0 ] && [ -n "$below" ]; then
    COMPREPLY=($(compgen -W "$below" -- "$cur"))
    return 0
  else
    i=0
    for word in $kinds; do
      kind=''
      [ "$i" -eq "$count" ] && kind="\${word%+}" && break
      [[ "$word" == *+ ]] && kind="\${word%+}"
      i=$((i + 1))
    done
  fi
  case "$kind" in
    machine | image) choices="$("$1" __complete "$kind" 2>/dev/null </dev/null)" ;;
    file)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$cur"))
      return 0
      ;;
    none | '') return 0 ;;
    *) choices="\${kind//|/ }" ;;
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$cur"))
}
`;
}

/** How bash is told of it. */
export const BASH_REGISTRATION = 'complete -F _viv viv\n';

/** The same for zsh. */
export function zshCompletion(tree: CommandNode): string {
  return `#compdef viv
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
autoload -Uz bashcompinit && bashcompinit

${bashCompletion(tree)}
complete -F _viv viv
`;
}
