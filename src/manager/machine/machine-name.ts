/** Names of machines: what is allowed, and a friendly one when the user gives none. */
import {randomInt} from 'node:crypto';
import {ManagerError} from '../protocol/errors.js';

/** Longest name: it becomes the guest's host name, whose labels end at 63 characters. */
export const MAX_NAME_LENGTH = 63;

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
  const problem = findProblem(name);
  if (problem === undefined) return name;
  throw new ManagerError(
    'bad-name',
    `${quote(name)} cannot be a machine's name: ${problem}.`,
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

function findProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > MAX_NAME_LENGTH) return `it is longer than ${MAX_NAME_LENGTH} characters`;
  if (/\p{Cc}/u.test(name)) return 'it contains control characters';
  if (name.includes('/')) return 'it contains a slash';
  if (/\s/u.test(name)) return 'it contains a blank';
  if (name.startsWith('-')) return 'it begins with a dash, like an option';
  if (!/^[A-Za-z0-9]/.test(name)) return 'it does not begin with a letter or digit';
  const odd = /[^A-Za-z0-9._-]/u.exec(name)?.[0];
  if (odd !== undefined) return `it contains ${quote(odd)}`;
  // An id wins over a name when a machine is looked up, so a name must not look like one.
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)) return 'it looks like a machine id';
  return undefined;
}

/** For messages: control characters shown as escapes, long text cut. */
function quote(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
