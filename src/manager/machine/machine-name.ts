/** Names of machines: what is allowed, and a friendly one when the user gives none. */
import {randomInt} from 'node:crypto';
import {ManagerError} from '../protocol/errors.js';
import {findNameProblem, quoteName} from '../protocol/machine-name.js';

const adjectives =
  'able amber bold brave brisk calm clever cosy crisp dapper eager fleet fond gentle glad golden happy humble jolly keen kind lively lucky mellow merry mild neat nimble noble plucky proud quick quiet rapid ready shiny silent snug solid spry steady sunny swift tidy vivid warm wise witty zesty'.split(
    ' ',
  );

const animals =
  'badger beaver bison bittern crane dolphin dormouse eagle egret elk falcon ferret finch fox gecko gibbon hare hedgehog heron ibex jackdaw jay kestrel kiwi koala lemur linnet lizard lynx magpie marmot marten mole moose newt ocelot osprey otter owl panda pelican penguin plover puffin quail raven robin seal shrew stoat swallow tapir tern toad vole walrus weasel wombat wren'.split(
    ' ',
  );

/**
 * Checks a name given by a user. Letters, digits, `.`, `_` and `-`, beginning with a letter or digit: safe as a host
 * name, on a command line and in a terminal. Errors: bad-name
 */
export function checkMachineName(name: string): string {
  const problem = findNameProblem(name);
  if (problem === undefined) return name;
  throw new ManagerError(
    'bad-name',
    `${quoteName(name)} cannot be a machine's name: ${problem}.`,
    'Use letters, digits, dots, dashes and underscores, like web-1.',
  );
}

/** A free name like `brave-otter`; `isTaken` is asked until one is free. */
export function inventMachineName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${adjectives[randomInt(adjectives.length)]}-${animals[randomInt(animals.length)]}`;
    // Thousands of pairs: only a fleet near that many needs the number.
    const candidate = attempt < 20 ? name : `${name}-${randomInt(1000, 1_000_000)}`;
    if (!isTaken(candidate)) return candidate;
  }
}
